"""The labelling page: where invited workers answer the questionnaire, one face at a time.

Belongs here: the book of answers (SQLite), invitations, who gets which face, and the pages that
show it. Does not belong here: what is asked (`labels/questionnaire.py`), who should be asked next
(`labels/allocation.py`), which answers count (`labels/answers.py`).
"""
