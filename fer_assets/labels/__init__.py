"""Stage: what a crowd of workers says about the faces.

Belongs here: the questionnaire, labelling tasks, reading answers, aggregating them, agreement,
and a simulated crowd for demos and tests. Does not belong here: finding faces or people, and
splits (`release/`).
"""

CODE_VERSION = 3
