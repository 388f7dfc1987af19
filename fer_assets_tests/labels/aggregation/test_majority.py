import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fer_assets.labels.aggregation.combine import AggregationSettings, aggregate
from fer_assets.labels.aggregation.majority import (
    NO_VOTES,
    NOT_CONVINCING,
    TIE,
    TOO_FEW,
    MajoritySettings,
    majority_vote,
)
from fer_assets.labels.questionnaire import load_questionnaire
from fer_assets.storage.schemas.tiktokfer import CROWD_ANSWERS
from fer_assets_tests.labels.votes_data import EMOTIONS, FERPLUS, cremad, ferplus

PLURALITY = MajoritySettings(convincing_share=1e-9, min_answers=1)


def test_reproduces_cremads_votes_and_agreement() -> None:
    table = cremad()
    majority = majority_vote(table.select(EMOTIONS).to_numpy(), PLURALITY)
    names = np.array([*EMOTIONS, "tie"])[majority.choice]
    published = table["emoVote"].to_numpy()
    is_tie = np.array([":" in vote for vote in published])
    assert is_tie.sum() == 1534
    assert (names[is_tie] == "tie").all()
    assert (majority.reason[is_tie] == TIE).all()
    assert (names[~is_tie] == published[~is_tie]).all()
    np.testing.assert_allclose(majority.share, table["agreement"].to_numpy(), atol=1e-12)
    np.testing.assert_array_equal(majority.n_answers, table["numResponses"].to_numpy())


def test_cremads_ties_are_between_the_classes_it_names() -> None:
    table = cremad()
    counts = table.select(EMOTIONS).to_numpy()
    for vote, row in zip(table["emoVote"], counts.tolist(), strict=True):
        top = {name for name, n in zip(EMOTIONS, row, strict=True) if n == max(row)}
        assert set(vote.split(":")) == top


def test_cremad_through_the_whole_aggregation() -> None:
    """Its votes as answers of workers: the labels and agreement of the file come back."""
    table = cremad().gather_every(40).with_row_index("clip")
    votes = (
        table.select("clip", *EMOTIONS)
        .unpivot(index="clip", variable_name="answer", value_name="n")
        .select("clip", answer=pl.col("answer").repeat_by("n"))
        .explode("answer")
        .drop_nulls()
        .with_columns(worker=pl.int_range(pl.len()).over("clip"))
    )
    questionnaire = load_questionnaire().with_expressions(EMOTIONS[:3], EMOTIONS[3:])
    in_first = pl.col("answer").is_in(list(EMOTIONS[:3]))
    said = {
        "is_face": pl.lit("yes"),
        "ekman": pl.when(in_first).then("answer").otherwise(pl.lit("none")),
        "beyond_ekman": pl.when(~in_first).then("answer"),
    }
    answers = pl.concat(
        [votes.with_columns(answer=answer, question=pl.lit(name)) for name, answer in said.items()]
    ).drop_nulls("answer")
    face = pl.format("clip{}/0/0-0", "clip")
    rows = answers.select(
        task_id=face, face_id=face, video_id=pl.format("clip{}", "clip"), question="question",
        worker_id=pl.format("w{}", "worker"), answer="answer", duration_s=pl.lit(None, pl.Float64),
        status=pl.lit("accepted"), reason=pl.lit(None, pl.String), is_simulated=pl.lit(False),
    )  # fmt: skip
    faces = rows.select("face_id", "video_id").unique().with_columns(identity_id=pl.lit("p"))
    settings = AggregationSettings(majority=PLURALITY)
    labels = aggregate(CROWD_ANSWERS.conform(rows), faces, questionnaire, settings).labels
    found = labels.join(table.with_columns(face_id=face), on="face_id")
    assert found.height == table.height > 500
    published = found["emoVote"].to_list()
    expected = [None if ":" in vote else vote for vote in published]
    assert found["label"].to_list() == expected
    assert None in expected
    np.testing.assert_allclose(found["agreement"], found["agreement_right"], atol=1e-12)
    assert (found["n_answers"] == found["numResponses"]).all()


def test_ferplus_majority_labels() -> None:
    """FER+'s own rules (Barsoum et al. 2016; src/ferplus.py, mode majority).

    Classes with a single vote are dropped, ``unknown`` and ``NF`` among them; the label is the
    class with more than half of the votes left; without one the image is ``unknown``, and images
    that are ``unknown`` or ``NF`` are not used.
    """
    raw = ferplus().select(FERPLUS).to_numpy()
    majority = majority_vote(
        np.where(raw == 1, 0, raw), MajoritySettings(convincing_share=0.5 + 1e-6, min_answers=1)
    )
    names = [*FERPLUS, "unknown"]
    used = 0
    for row, choice in zip(raw.tolist(), majority.choice.tolist(), strict=True):
        kept = [n if n > 1 else 0 for n in row]
        label = FERPLUS[kept.index(max(kept))] if 2 * max(kept) > sum(kept) else "unknown"
        assert names[choice] == label
        used += label not in ("unknown", "NF")
    assert used / len(raw) == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    ("counts", "choice", "reason"),
    [
        ([3, 2, 0], 0, ""),
        ([2, 2, 1], -1, TIE),
        ([2, 1, 1], -1, NOT_CONVINCING),
        ([2, 0, 0], -1, TOO_FEW),
        ([0, 0, 0], -1, NO_VOTES),
        ([0, 6, 4], 1, ""),
        ([0, 59, 41], -1, NOT_CONVINCING),
    ],
)
def test_reasons(counts: list[int], choice: int, reason: str) -> None:
    majority = majority_vote(np.array([counts]))
    assert (majority.choice[0], majority.reason[0]) == (choice, reason)


def test_no_items() -> None:
    assert majority_vote(np.zeros((0, 4), dtype=np.int64)).choice.shape == (0,)


@given(hnp.arrays(np.int64, (7, 4), elements=st.integers(0, 6)), st.permutations(range(4)))
def test_classes_can_be_renamed(counts: np.ndarray, order: list[int]) -> None:
    plain, renamed = majority_vote(counts), majority_vote(counts[:, order])
    back = np.array([*order, -1])
    np.testing.assert_array_equal(plain.choice, back[renamed.choice])
    np.testing.assert_array_equal(plain.share, renamed.share)
    assert pl.Series(plain.reason).to_list() == pl.Series(renamed.reason).to_list()
