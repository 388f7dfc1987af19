"""Predictions for pictures and videos that are in no challenge: detect, align, measure, draw.

Belongs here: the chain from a file to rows, a plot and an annotated copy of it, tracks over time,
filling of gaps, smoothing. Does not belong here: finding faces (`faces/`), decoding (`media/`),
networks (`training/`), heads (`frame_affect/`), how a prediction looks (`figures/`), where
checkpoints are kept (`lines/`), options and printing (`commands/predict.py`).

Predicting and drawing are apart: what is predicted per face is a `Measure`, a function from aligned
crops to named columns, and the drawing takes rows. A file is read twice where it is drawn, since
how a video was held, its tracks and the smoothing are known only at its end; that keeps memory
bounded by rows, whatever the length.
"""
