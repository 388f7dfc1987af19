"""Features of frames: what a backbone makes of each crop.

Belongs here: what `frame_features` holds, and how large and fast networks are. Does not belong
here: networks themselves (`training/`).
"""
