"""Predictions over time: gaps, smoothing, decisions.

Belongs here: what `frame_predictions` holds. Does not belong here: scores (`scores/`).
"""
