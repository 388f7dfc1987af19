"""Schemas: one module per line with its tables, and the catalog of which asset has which.

Belongs here: columns, dtypes, units, ranges, meanings, subjects. Does not belong here: code.
"""
