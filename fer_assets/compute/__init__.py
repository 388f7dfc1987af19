"""Running on a device: which one, how many threads, sessions, batches, seeds, progress.

Belongs here: what every stage needs to run a network the same way each time. Does not belong
here: networks, weights, and anything that knows what a face or a video is.
"""
