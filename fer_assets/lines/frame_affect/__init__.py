"""The frame_affect line (Savchenko, CVPRW 2022): wiring of `frame_affect/` and `faces/`.

Belongs here: steps. Does not belong here: their work.
"""
