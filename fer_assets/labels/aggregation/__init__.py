"""Many workers' answers to one label: one method per module, brought together in `combine`.

Belongs here: majority vote, Dawid-Skene, one-coin, MACE, agreement, the human ceiling, per-person
demographics, worker records, suspect labels. Does not belong here: reading or checking answers
(`labels/answers.py`).

Rules for ties and contradictions. None of them draws by chance, and none depends on the order in
which answers came in.

1. Only accepted answers count; a submission that contradicts the questionnaire was rejected whole.
2. A worker who gives two different answers to one question of one face has given none.
3. After "no face" nothing else counts: neither an expression nor a demographic of that ballot.
4. An expression of the first list counts whatever the second list says; the second list counts
   only after "none of these"; "none of these" alone is no vote.
5. A worker who fails the gold tasks is left out of everything but the worker's own record.
6. A face is one if a convincing majority sees it; without, it has no label, and its reason says
   what was missing. Its demographics don't count then.
7. Two expressions with equally many votes give no label ("tie"), though a model may prefer one:
   the soft label shows it.
8. "none" and "other" are votes like any; where they win there is no label ("the crowd chose …").
9. Two classes that a model finds equally probable, to 1e-9, give that model no label.
10. A person's demographic answers with equally many votes give no answer.
"""
