"""Keeping workers who fail gold tasks from further faces, without harm to their account.

Belongs here: a qualification of ours that shuts out whoever has it. Does not belong here: who
fails (`labels/aggregation/ballots.py`); the service's own block, which counts against a worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fer_assets.labels.mturk.client import service_errors

_DESCRIPTION = "Held by workers to whom no more of these tasks are shown. It says nothing else."


def qualification_name(key: str) -> str:
    """The name of the challenge's qualification."""
    return f"fer-assets: no more tasks of {key}"


def blocked_qualification(client: Any, key: str) -> str:
    """Id of the challenge's qualification; made where there is none."""
    name = qualification_name(key)
    with service_errors():
        pages = client.get_paginator("list_qualification_types").paginate(
            Query=name, MustBeRequestable=False, MustBeOwnedByCaller=True
        )
        for page in pages:
            for found in page["QualificationTypes"]:
                if found["Name"] == name:
                    return str(found["QualificationTypeId"])
        made = client.create_qualification_type(
            Name=name, Description=_DESCRIPTION, QualificationTypeStatus="Active"
        )
    return str(made["QualificationType"]["QualificationTypeId"])


def block(client: Any, qualification: str, workers: Sequence[str]) -> None:
    """Give workers the qualification, without a message; once or twice makes no difference."""
    for worker in workers:
        with service_errors():
            client.associate_qualification_with_worker(
                QualificationTypeId=qualification,
                WorkerId=worker,
                IntegerValue=1,
                SendNotification=False,
            )
