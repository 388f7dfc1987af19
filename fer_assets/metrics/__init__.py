"""Scores of predictions: classification, clustering, their uncertainty and their slices.

Belongs here: figures computed from arrays. Does not belong here: which figures a paper reports
and against what (`benchmarks/`).
"""
