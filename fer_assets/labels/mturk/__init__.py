"""Mechanical Turk through its interface: HITs out, assignments in.

Belongs here: the requester's side, from the same questionnaire as the labelling page. Does not
belong here: files of the requester site (`labels/exchange/`). boto3 (extra ``mturk``) is imported
where a client is opened. Nothing here rejects anybody's work.
"""
