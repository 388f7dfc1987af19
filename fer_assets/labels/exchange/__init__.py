"""Answers in other people's layouts: Mechanical Turk, Label Studio, crowd-kit.

Belongs here: one module per layout, each from bytes to submissions and back. Does not belong here:
talking to a service (`labels/mturk/`), and which answers count in the end (`labels/answers.py`).
"""
