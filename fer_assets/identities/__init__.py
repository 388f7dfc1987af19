"""Stage: who is who. Embeddings, similarity graph, Chinese whispers, three-step resolution, ids.

Belongs here: everything from a table of face crops to a table of identities, and over all
challenges to people. Does not belong here: finding and cropping faces (`faces/`), splits
(`release/`), demographics of identities (`labels/`).
"""

CODE_VERSION = 2
