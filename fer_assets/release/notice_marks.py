"""Where a card holds its notices of withdrawal.

Belongs here: the two marks. Does not belong here: the notices' text (`documents.py`).
"""

from typing import Final

NOTICES_START: Final = "<!-- notices -->"
NOTICES_END: Final = "<!-- end of notices -->"
