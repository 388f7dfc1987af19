"""Annotated frames: which annotations count, folders of crops, the face a film is about.

Belongs here: what `annotated_frames` holds. Does not belong here: layouts of files
(`public_data/abaw/`), finding faces (`faces/`).
"""
