"""Sources: uploads found in a challenge's video folder or fetched from its manifest, into rows.

Belongs here: fetching, hashing, fingerprints and duplicates, what damage or the data policy
forbids; from a folder and a manifest to `raw_videos`. Does not belong here: decoding (`media`),
the challenge's files (`challenges`).
"""

from typing import Final

CODE_VERSION: Final = 2
