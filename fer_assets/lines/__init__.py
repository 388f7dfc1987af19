"""Lines: which stage's function builds which asset, from what, and what to show of it.

A composer. Belongs here: for each asset of a line a `Step` that reads tables, calls its stage and
hands the result to the ledger. Does not belong here: computing (the stages), Dagster (`defs`).
"""
