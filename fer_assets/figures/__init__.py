"""Figures: pictures a person looks at, plots as compact PNGs and contact sheets as JPEG.

Belongs here: drawing of arrays, counts and tables that the caller hands over. Does not belong
here: computing what is drawn, and writing files.
"""
