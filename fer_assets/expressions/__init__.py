"""Classifiers of the tiktokfer line: which faces, which people are held out, training, predictions.

Belongs here: turning a release into checkpoints and held-out predictions. Does not belong here:
the training loop (`training/`), scores (`benchmarks/`), where results are kept (`storage/`).
"""

CODE_VERSION = 2
