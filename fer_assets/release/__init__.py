"""Stage: labelled faces become a dataset that can be handed on.

Belongs here: identity-disjoint splits, the release and the pooled release, their counts, version
and card. Does not belong here: labels (`labels/`) and training on the release (`expressions/`).
"""

CODE_VERSION = 1
