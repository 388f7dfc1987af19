"""Scores of every run beside the paper's.

Belongs here: what `affect_scores` holds. Does not belong here: formulas (`metrics/affect.py`).
"""
