"""The demo: rendered challenges with their ground truth, a simulated crowd, and the score of a run.

Belongs here: what the demo shows and sounds like, its truth, its scores. Does not belong here:
anything the pipeline uses on real videos.
"""
