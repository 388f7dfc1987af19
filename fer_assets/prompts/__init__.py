"""Where in a video's sound each prompt is heard, and which frames answer it.

Belongs here: the matched filter, prompt spans, frame times, cutting prompts out of videos. Does not
belong here: decoding (`media/`) or what is done with the frames (`faces/`).
"""

CODE_VERSION = 2
