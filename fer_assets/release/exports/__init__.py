"""A published version in the layouts that other programs read.

Belongs here: one module for each layout, and what they share. Does not belong here: versions
(`release/versions.py`).
"""
