"""Stage: labelled faces become a dataset that can be handed on.

Belongs here: identity-disjoint splits, the release and the pooled release, near duplicates, their
counts and card, published versions, exports. Does not belong here: labels (`labels/`) and training
on the release (`expressions/`).
"""

CODE_VERSION = 2
