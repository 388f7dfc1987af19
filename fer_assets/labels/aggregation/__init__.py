"""Many workers' answers to one label: one method per module, brought together in `combine`.

Belongs here: majority vote, Dawid-Skene, agreement, per-person demographics, worker records.
Does not belong here: reading or checking answers (`labels/answers.py`).
"""
