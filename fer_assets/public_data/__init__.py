"""What others published, read in its own layout: labelled pictures, annotated frames.

Belongs here: recognising and reading layouts, what their labels mean under the project's names.
Does not belong here: finding faces in the pictures (`faces/`), scoring (`benchmarks/`), training.
"""
