"""Storage: where things live, in which shape, and how they change without ever being half there.

Belongs here: the store behind the root URI, its layout, schemas, manifests, the per-unit ledger,
leases, tombstones, registries (state), and the reader for notebooks. Does not belong here: what
the tables mean to a stage, and anything of Dagster.
"""
