import re
from dataclasses import replace

import pytest
from sklearn.metrics import f1_score

from fer_assets.benchmarks.report_ceiling import ceiling_picture, ceiling_table, model_f1
from fer_assets.benchmarks.report_data import ChallengeResult, ReportData
from fer_assets.benchmarks.reproduction_report import reproduction_report
from fer_assets.storage.schemas.tiktokfer import CONFUSIONS, HUMAN_CEILING

CELLS = {
    ("sad", "sad"): 8, ("sad", "kiss"): 2, ("kiss", "kiss"): 5, ("kiss", "sad"): 5,
    ("cry", "cry"): 0,
}  # fmt: skip
CONFUSED = CONFUSIONS.frame(
    [
        {"benchmark": "tiktok-validation", "protocol": protocol, "target": target, "pred": pred,
         "n_images": n}
        for protocol in ("all-classes", "ekman-5")
        for (target, pred), n in CELLS.items()
    ]
)  # fmt: skip
CEILING = HUMAN_CEILING.frame(
    [
        {"expression": name, "precision": f1, "recall": f1, "f1": f1, "n_votes": n}
        for name, f1, n in (("kiss", 0.75, 1200), ("smiling", 0.5, 7), ("all", 0.625, 1207))
    ]
)
DATA = ReportData((ChallengeResult("Faces"),), confusions=CONFUSED, human_ceiling=CEILING)


def test_the_classifier_stands_beside_the_worker() -> None:
    (table,) = ceiling_table(DATA)
    targets = [target for (target, _), n in CELLS.items() for _ in range(n)]
    preds = [pred for (_, pred), n in CELLS.items() for _ in range(n)]
    each = f1_score(targets, preds, average=None, labels=["kiss", "sad"])
    assert model_f1(DATA)["kiss"] == pytest.approx(each[0])
    assert model_f1(DATA)["all"] == pytest.approx(each.mean())
    assert "cry" not in model_f1(DATA)
    assert table.rows == (
        ("kiss", "0.750", "0.750", "0.750", "1,200", f"{each[0]:.3f}"),
        ("smiling", "0.500", "0.500", "0.500", "7", "–"),
        ("all, macro average", "0.625", "0.625", "0.625", "1,207", f"{each.mean():.3f}"),
    )


def test_it_is_on_the_page() -> None:
    page = reproduction_report(DATA)
    assert page.count("Human ceiling. One worker against the label of the others") >= 2
    assert re.search(r"<td[^>]*>\s*1,207\s*</td>", page)
    assert "people it never saw" in page


def test_without_answers_there_is_none() -> None:
    empty = replace(DATA, human_ceiling=HUMAN_CEILING.empty())
    assert ceiling_table(empty) == ()
    assert ceiling_picture(empty) == ()
    assert "Human ceiling" not in reproduction_report(empty)


def test_without_a_classifier_the_worker_stands_alone() -> None:
    alone = replace(DATA, confusions=CONFUSIONS.empty())
    (table,) = ceiling_table(alone)
    assert {row[-1] for row in table.rows} == {"–"}
