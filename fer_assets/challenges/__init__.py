"""Challenges: what a challenge is, how its file is read, where the folders are.

Belongs here: the specification, its validation, the catalog of folders, the vocabulary of
expressions. Does not belong here: videos (`sources`), prompt audio as samples (`prompts`).
"""
