"""Mechanical Turk for one challenge: tasks out, answers in.

Belongs here: wiring of `labels.mturk` to a workspace. Does not belong here: its work, asking for
confirmation (`commands/mturk.py`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.answer_exchange import ImportReport, keep_submissions
from fer_assets.lines.tiktokfer.answers import answers_folder
from fer_assets.lines.tiktokfer.names import CROWD_ANSWERS, LABELLING_TASKS
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.schemas.tiktokfer import CROWD_ANSWERS as ANSWERS_SCHEMA
from fer_assets.storage.tombstones import read_salt

if TYPE_CHECKING:
    from fer_assets.labels.mturk.hits import Hit, HitPlan
    from fer_assets.labels.mturk.settings import Cost, MTurkSettings


@dataclass(frozen=True)
class MTurkDesk:
    """One challenge at one of the service's two addresses.

    Attributes:
        workspace: where tasks and answers are.
        key: the challenge.
        client: from `labels.mturk.client.open_client`.
        is_production: whether real people see it and real money is paid.
    """

    workspace: Workspace
    key: str
    client: Any
    is_production: bool

    def hits(self) -> dict[str, Hit]:
        """Task to HIT, as the service has them."""
        from fer_assets.labels.mturk.hits import list_hits

        return list_hits(self.client, self.key)

    def plan(self, settings: MTurkSettings, *, most: int | None = None) -> tuple[HitPlan, Cost]:
        """What would be put up and what it would cost at most.

        Args:
            most: put up at most so many new faces.
        """
        from fer_assets.labels.mturk.hits import HitPlan, plan_hits
        from fer_assets.labels.mturk.settings import estimate_cost
        from fer_assets.labels.uncertainty import uncertainty

        tasks = self.workspace.data.table(LABELLING_TASKS, self.key)
        questionnaire = questionnaire_of(self.workspace, self.key)
        doubt = uncertainty(tasks, self._answers(), questionnaire, flags=self._flags())
        plan = plan_hits(tasks, doubt.tasks, self.hits())
        if most is not None:
            new = dict(list(plan.new.items())[:most])
            plan = HitPlan(new, plan.more, plan.renewed, plan.too_small)
        sizes = [*plan.new.values(), *(further for _, further in plan.more)]
        return plan, estimate_cost(sizes, settings)

    def create(self, plan: HitPlan, settings: MTurkSettings, image_url: str) -> int:
        """Put up what the plan says; returns how many HITs were made or extended.

        Raises:
            FerError: the address of the pictures is no https address.
            MTurkError: the service refuses; the same call goes on where it stopped.
        """
        from fer_assets.labels.exchange.mturk_files import picture_url
        from fer_assets.labels.mturk.blocking import blocked_qualification
        from fer_assets.labels.mturk.client import SUBMIT_PRODUCTION, SUBMIT_SANDBOX
        from fer_assets.labels.mturk.hits import create_hit_type, create_hits
        from fer_assets.labels.mturk.question import html_question

        check_image_url(image_url)
        questionnaire = questionnaire_of(self.workspace, self.key)
        submit_url = SUBMIT_PRODUCTION if self.is_production else SUBMIT_SANDBOX
        questions = (
            (task, html_question(questionnaire, picture_url(image_url, task), submit_url))
            for task in plan.new
        )
        blocked = blocked_qualification(self.client, self.key)
        hit_type = create_hit_type(self.client, settings, blocked)
        return create_hits(self.client, self.key, plan, questions, hit_type, settings)

    def fetch(self) -> ImportReport:
        """Bring what was handed in into ``answers/KEY/``; again and again is fine."""
        from fer_assets.labels.mturk.assignments import fetch_submissions

        found, broken = fetch_submissions(self.client, list(self.hits().values()))
        return keep_submissions(self.workspace, self.key, self.name, found, broken, keeps_old=True)

    def approve(self) -> int:
        """Approve and so pay all that waits; returns how many assignments."""
        from fer_assets.labels.mturk.assignments import approve

        return approve(self.client, list(self.hits().values()))

    def block(self) -> tuple[int, int]:
        """Shut out workers who fail gold tasks; returns how many fail and how many are known here.

        Only workers of this service can be shut out; they are found by hashing the fetched names.
        """
        from fer_assets.labels.aggregation.ballots import (
            GoldSettings,
            cast_ballots,
            failing_workers,
            gold_accuracy,
        )
        from fer_assets.labels.answers import worker_id
        from fer_assets.labels.mturk.blocking import block, blocked_qualification

        tasks = self.workspace.data.table(LABELLING_TASKS, self.key)
        gold = tasks.filter("is_gold").select("face_id", "gold_expression")
        accuracy = gold_accuracy(cast_ballots(self._answers()), gold)
        failing = set(failing_workers(accuracy, GoldSettings()).to_list())
        salt = read_salt(self.workspace.store)
        ours = {worker_id(name, salt): name for name in self._fetched_workers()}
        names = sorted(ours[worker] for worker in failing & set(ours))
        if names:
            block(self.client, blocked_qualification(self.client, self.key), names)
        return len(failing), len(names)

    def gone(self, hits: Mapping[str, Hit]) -> list[Hit]:
        """Those of faces that have no task any more, e.g. since a person withdrew."""
        tasks = self.workspace.data.table(LABELLING_TASKS, self.key, columns=["task_id"])
        known = set(tasks["task_id"].to_list())
        return [hit for task, hit in sorted(hits.items()) if task not in known]

    def delete(self, hits: Iterable[Hit]) -> tuple[int, int]:
        """Take HITs down; returns how many were deleted and how many had to stay."""
        from fer_assets.labels.mturk.hits import delete_hits

        return delete_hits(self.client, hits)

    def status(self) -> Mapping[str, int | str]:
        """Counts of HITs and assignments, and the account's balance."""
        from fer_assets.labels.mturk.client import service_errors

        by_task = self.hits()
        hits = list(by_task.values())
        with service_errors():
            balance = self.client.get_account_balance()["AvailableBalance"]
        return {
            "where": "production" if self.is_production else "sandbox",
            "HITs": len(hits),
            "HITs of faces that are gone": len(self.gone(by_task)),
            "assignments asked for": sum(hit.most for hit in hits),
            "still open": sum(hit.n_open for hit in hits),
            "wait for approval": sum(hit.n_unreviewed for hit in hits),
            "approved or rejected": sum(hit.n_done for hit in hits),
            "balance in dollars": str(balance),
        }

    @property
    def name(self) -> str:
        """Name of the file that fetched answers are kept in."""
        return "mturk-production" if self.is_production else "mturk-sandbox"

    def _answers(self) -> pl.DataFrame:
        if read_manifest(self.workspace.store, Place(CROWD_ANSWERS, self.key)) is None:
            return ANSWERS_SCHEMA.empty()
        return self.workspace.data.table(CROWD_ANSWERS, self.key, "crowd_answers")

    def _flags(self) -> pl.DataFrame | None:
        if read_manifest(self.workspace.store, Place(CROWD_ANSWERS, self.key)) is None:
            return None
        return self.workspace.data.table(CROWD_ANSWERS, self.key, "answer_flags")

    def _fetched_workers(self) -> list[str]:
        path = f"{answers_folder(self.key)}/{self.name}.parquet"
        if not self.workspace.store.exists(path):
            return []
        data = io.BytesIO(self.workspace.store.read(path))
        return pl.read_parquet(data, columns=["worker"])["worker"].unique().sort().to_list()


def check_image_url(image_url: str) -> None:
    """Raise a FerError unless pictures can be shown from there."""
    from urllib.parse import urlsplit

    parts = urlsplit(image_url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise FerError(
            "--image-url",
            expected="an https address without a query, below which TASK_ID.jpg can be read",
            found=repr(image_url),
            remedy="Workers' browsers load the pictures from there: write them with `fer-assets "
            "answers export --image-url URL --pictures`, and take them down afterwards.",
        )
