"""The layouts in which public benchmarks come: one reader each, all give `LabelledPictures`.

Belongs here: finding files, labels and people in a layout, and saying precisely what is missing.
Does not belong here: what labels mean (`label_maps.py`), choosing a reader (`reading.py`), looking
at pixels.
"""
