"""Frames to aligned face crops: detection, second pass, rotation fallback, alignment, quality.

Belongs here: everything between a decoded frame and a row of the face crop table, and the
detector's own validation. Does not belong here: decoding video (`media/`) and telling whose face
it is (`identities/`). Settings from the paper: Surabhi et al., section 3.2.
"""

from __future__ import annotations

from typing import Final

CODE_VERSION: Final = 2
"""Raised by hand when the same frames would give other crops."""
