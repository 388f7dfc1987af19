"""The demo of the frame_affect line: videos of synthetic people whose affect is known per frame.

Belongs here: what its people express when, pictures, truth, files in the layout of Aff-Wild2,
figures and floors. Does not belong here: what other demos use too (`demo/people.py`,
`demo/backdrops.py`), running the line (`defs/affect_demo.py`).
"""
