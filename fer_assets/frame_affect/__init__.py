"""Expressions, valence and arousal, action units for every frame (Savchenko, CVPRW 2022).

Belongs here: which annotations count, the expression backbone, frame features, heads, gaps and
smoothing, scores and their tables. Does not belong here: reading layouts (`public_data/`), finding
faces (`faces/`), the training loop of networks (`training/`), formulas of scores (`metrics/`).
"""

CODE_VERSION = 1
