"""The curator's review of identities: what is doubtful, what was decided, and the page for it.

Belongs here: the queue of doubtful identities, decisions as lines of the corrections file, the
page that shows both. Does not belong here: carrying corrections out (`identities/corrections.py`),
labels and their agreement (`labels/`): they come in as hints.
"""
