"""Heads: from features to expression, valence and arousal, action units.

Belongs here: what `affect_heads` holds. Does not belong here: what follows over time
(`predictions/`).
"""
