"""All of a challenge's answers to its labels, demographics, worker records and agreement.

Belongs here: `aggregate`, which brings the methods together. Does not belong here: the methods,
and filling any one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from fer_assets.labels.aggregation.agreement import Agreement, agreement
from fer_assets.labels.aggregation.ballots import (
    GoldSettings,
    cast_ballots,
    failing_workers,
    gold_accuracy,
)
from fer_assets.labels.aggregation.demographics import person_demographics
from fer_assets.labels.aggregation.estimates import (
    ModelSettings,
    SoftLabels,
    estimate,
    label_estimates,
)
from fer_assets.labels.aggregation.face_labels import face_labels, votes_on
from fer_assets.labels.aggregation.human_ceiling import human_ceiling
from fer_assets.labels.aggregation.majority import MajoritySettings
from fer_assets.labels.aggregation.suspects import low_agreement
from fer_assets.labels.aggregation.votes import VoteTable
from fer_assets.labels.aggregation.workers import worker_confusions, worker_records
from fer_assets.labels.questionnaire import Questionnaire


@dataclass(frozen=True)
class AggregationSettings:
    """Settings of every step of the aggregation.

    Attributes:
        soft_labels: which method gives the soft label.
        suspect_below: a label is worth a second look if less than this backs it; see
            `suspects.low_agreement`. 0.7 lets four of five pass and three of five not.
    """

    majority: MajoritySettings = field(default_factory=MajoritySettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    gold: GoldSettings = field(default_factory=GoldSettings)
    soft_labels: SoftLabels = "dawid-skene"
    suspect_below: float = 0.7

    def __post_init__(self) -> None:
        if not 0 <= self.suspect_below <= 1:
            raise ValueError(f"suspect_below must lie in [0, 1]: {self.suspect_below}")


@dataclass(frozen=True)
class CrowdLabels:
    """What the crowd says of a challenge.

    Attributes:
        labels: CROWD_LABELS.
        estimates: LABEL_ESTIMATES.
        suspects: SUSPECT_LABELS with the cause ``low agreement``.
        demographics: DEMOGRAPHICS.
        disagreements: DEMOGRAPHIC_DISAGREEMENTS.
        workers: WORKERS, those who fail gold tasks included.
        confusions: WORKER_CONFUSION.
        ceiling: HUMAN_CEILING.
        agreement: per question, and of ``expression`` votes over both lists.
        has_converged: whether the steps of every model were enough.
    """

    labels: pl.DataFrame
    estimates: pl.DataFrame
    suspects: pl.DataFrame
    demographics: pl.DataFrame
    disagreements: pl.DataFrame
    workers: pl.DataFrame
    confusions: pl.DataFrame
    ceiling: pl.DataFrame
    agreement: Mapping[str, Agreement]
    has_converged: bool


def aggregate(
    answers: pl.DataFrame,
    faces: pl.DataFrame,
    questionnaire: Questionnaire,
    settings: AggregationSettings | None = None,
    *,
    tasks: pl.DataFrame | None = None,
) -> CrowdLabels:
    """Turn accepted answers into labels, by the rules that the package states.

    A face gets a label if a convincing majority sees a face and a convincing majority of those
    who do agrees on one expression. The soft label is a distribution over `questionnaire.votes`,
    in steps of 1e-6.

    Args:
        answers: CROWD_ANSWERS.
        faces: face_id, video_id, identity_id: the faces that were to be labelled, one row each;
            rows with ``is_duplicate``, where there is such a column, are left out. Answers to
            other faces are ignored.
        tasks: LABELLING_TASKS with the gold tasks; None if there are none.
    """
    settings = settings or AggregationSettings()
    if "is_duplicate" in faces.columns:
        faces = faces.filter(~pl.col("is_duplicate"))
    faces = faces.select("face_id", "video_id", "identity_id").sort("face_id")
    ballots = cast_ballots(answers).join(faces.select("face_id"), on="face_id", how="semi")
    accuracy = gold_accuracy(ballots, _gold(tasks))
    left_out = failing_workers(accuracy, settings.gold)
    counted = ballots.filter(~pl.col("worker_id").is_in(left_out.implode()))
    votes = votes_on(counted, "expression", questionnaire.votes)
    estimates = estimate(votes, settings.models)
    probs = estimates.probs(settings.soft_labels)
    labels = face_labels(faces, counted, votes, probs, settings.majority)
    shown = labels.filter("is_face").select("face_id")
    people = person_demographics(counted.join(shown, on="face_id", how="semi"), faces)
    models = estimates.dawid_skene, estimates.one_coin, estimates.mace
    return CrowdLabels(
        labels=labels,
        estimates=label_estimates(estimates, faces),
        suspects=low_agreement(labels, settings.suspect_below),
        demographics=people.people,
        disagreements=people.disagreements,
        workers=worker_records(ballots, accuracy, estimates, left_out),
        confusions=worker_confusions(estimates),
        ceiling=human_ceiling(
            votes.votes.counts(), votes.classes, questionnaire.expressions, settings.majority
        ),
        agreement=_agreement(counted, questionnaire, votes),
        has_converged=all(model is None or model.has_converged for model in models),
    )


def _gold(tasks: pl.DataFrame | None) -> pl.DataFrame:
    if tasks is None:
        return pl.DataFrame(schema={"face_id": pl.String, "gold_expression": pl.String})
    return tasks.filter("is_gold").select("face_id", "gold_expression")


def _agreement(
    ballots: pl.DataFrame, questionnaire: Questionnaire, votes: VoteTable
) -> dict[str, Agreement]:
    found = {
        question.id: agreement(votes_on(ballots, question.id, question.answer_ids).votes.counts())
        for question in questionnaire.questions
    }
    return {**found, "expression": agreement(votes.votes.counts())}
