"""Sources: uploads found in a challenge's video folder, hashed, probed, sorted into rows.

Belongs here: from a folder to `raw_videos`. Does not belong here: decoding (`media`), the
challenge's file (`challenges`).
"""

from typing import Final

CODE_VERSION: Final = 1
