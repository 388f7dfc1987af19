"""The expression backbone: what it starts from, what it is taught, in which phases.

Belongs here: what `expression_backbone` holds. Does not belong here: the training loop
(`training/`).
"""
