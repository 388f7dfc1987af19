"""Bytes to arrays and back: probe, sampled frames, audio, image codec, guarded decoding.

Belongs here: everything that opens a media file. Does not belong here: what a stage looks for in
the pictures or the sound.
"""
