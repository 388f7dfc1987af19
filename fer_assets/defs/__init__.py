"""Dagster: everything that knows it, and nothing else.

Belongs here: partitions, assets made from steps, jobs, sensors, schedules, executors, the instance,
runs started from the command line. Does not belong here: any computing, any reading of tables.
"""
