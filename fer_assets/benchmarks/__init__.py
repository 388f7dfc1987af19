"""Scoring: protocols, scores against the paper's, public benchmarks.

Belongs here: what is counted, over which classes, beside which printed figure. Does not belong
here: the figures' formulas (`metrics/`) and training (`expressions/`).
"""

CODE_VERSION = 3
