"""Model weights: what is known to exist, how it is fetched and verified, how it is loaded.

Belongs here: the registry with sources, digests and licences; downloads; loading files into
memory. Does not belong here: networks (`training/`), what a network's outputs mean (the stages).
"""
