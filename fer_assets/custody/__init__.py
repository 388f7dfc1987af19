"""Custody: where a row came from and what rests on it, and taking a person out again.

Belongs here: trace, erasure, its verification, stale checkpoints. Does not belong here: the list of
withdrawn subjects itself (`storage/tombstones.py`), published releases (`release/`).

An erasure knows whom it is about only while it is asked for. What it writes down are salted hashes:
every later action asks of each name it meets whether it was withdrawn. So an interrupted erasure
goes on without being told the name again, and a restored backup is swept in the same way.
"""
