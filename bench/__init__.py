"""Speed measured against peers, as ratios in one run.

Belongs here: one module per question, each a list of cases. Does not belong here: correctness
(the tests) and machine-dependent milliseconds as promises.
"""
