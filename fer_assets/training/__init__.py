"""Training: recipes, networks, samples, augmentation, one loop, checkpoints.

Belongs here: what every line's training shares. Does not belong here: which faces are trained on
and who is held out (the stages), or where checkpoints are kept (`storage/`).
"""
