import re
from dataclasses import replace

from fer_assets.benchmarks.report_ceiling import ceiling_picture, ceiling_table, model_f1
from fer_assets.benchmarks.report_data import ChallengeResult, ReportData
from fer_assets.benchmarks.reproduction_report import reproduction_report
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES, HUMAN_CEILING

CEILING = HUMAN_CEILING.frame(
    [
        {"expression": name, "precision": f1, "recall": f1, "f1": f1, "n_votes": n}
        for name, f1, n in (("kiss", 0.75, 1200), ("smiling", 0.5, 7), ("all", 0.625, 1207))
    ]
)
SCORES = {"f1/kiss": 0.6, "f1/sad": 0.7, "macro_f1": 0.65}
SCORED = BENCHMARK_SCORES.frame(
    [
        {"benchmark": benchmark, "protocol": protocol, "metric": name, "value": value + added,
         "low": None, "high": None, "n_seeds": 1, "seed_sd": None, "n_images": 20, "n_people": 3,
         "paper_value": None, "status": "scored", "reason": None}
        for benchmark, protocol, added in (
            ("tiktok-validation", "all-classes", 0),
            ("tiktok-validation", "ekman-5", 0.1),
            ("a-folder", "all-classes", 0.2),
        )
        for name, value in SCORES.items()
    ]
)  # fmt: skip
DATA = ReportData((ChallengeResult("Faces"),), scores=SCORED, human_ceiling=CEILING)


def test_the_classifier_stands_beside_the_worker() -> None:
    (table,) = ceiling_table(DATA)
    assert model_f1(DATA) == {"kiss": 0.6, "sad": 0.7, "all": 0.65}
    assert table.rows == (
        ("kiss", "0.750", "0.750", "0.750", "1,200", "0.600"),
        ("smiling", "0.500", "0.500", "0.500", "7", "–"),
        ("all, macro average", "0.625", "0.625", "0.625", "1,207", "0.650"),
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
    alone = replace(DATA, scores=BENCHMARK_SCORES.empty())
    (table,) = ceiling_table(alone)
    assert {row[-1] for row in table.rows} == {"–"}
