import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from fer_assets.benchmarks import report_paper_figures as paper
from fer_assets.benchmarks.protocols import ALL_CLASSES, PAPER_SCORES
from fer_assets.benchmarks.report_data import ChallengeResult, ReportData, ReportError, WeightUse
from fer_assets.benchmarks.report_pictures import confusion_matrix
from fer_assets.benchmarks.reproduction_report import reproduction_report
from fer_assets.challenges.vocabulary import EKMAN
from fer_assets.faces.validation import FIGURES, PAPER
from fer_assets.figures.png import encode_png
from fer_assets.storage.schema import SchemaError
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES, CONFUSIONS, VALIDATION_COUNTS

HOSTILE = "<script>alert('x')</script>\" onload=\"y"


def counts(reason: str | None = None, **figures: float | None) -> pl.DataFrame:
    rows: list[dict[str, object]] = [
        {"figure": name, "value": value, "paper_value": None, "reason": reason}
        for name, value in figures.items()
    ]
    return VALIDATION_COUNTS.frame(rows)


def score(benchmark: str, protocol: str, metric: str, value: float | None) -> dict[str, object]:
    return {
        "benchmark": benchmark,
        "protocol": protocol,
        "metric": metric,
        "value": value,
        "low": None if value is None else value - 0.125,
        "high": None if value is None else value + 0.125,
        "n_seeds": 0 if value is None else 1,
        "seed_sd": None,
        "n_images": 0 if value is None else 4321,
        "n_people": 0 if value is None else 87,
        "paper_value": 0.5,
        "status": "skipped" if value is None else "scored",
        "reason": f"{benchmark} is not on this machine" if value is None else None,
    }


CONFUSED = CONFUSIONS.frame(
    [
        {
            "benchmark": "tiktok-validation",
            "protocol": "ekman-5",
            "target": target,
            "pred": pred,
            "n_images": 30 if target == pred else 2,
        }
        for target in EKMAN
        for pred in EKMAN
    ]
)

DETECTED = counts(**dict(zip((*FIGURES, "unsampled"), (60, 77, 75, 2, 0, 8), strict=True)))
IDENTIFIED = {
    "faces": 900,
    "people": 31,
    "identities": 33,
    "adjusted_rand_index": 1.0,
    "paper_protocol_faces": 90,
    "paper_protocol_people": 29,
    "paper_protocol_identities": 30,
    "paper_protocol_adjusted_rand_index": 0.9375,
}

DATA = ReportData(
    challenges=(
        ChallengeResult(
            "Faces",
            n_videos=1234,
            n_frames=5678,
            n_distinct_faces=4567,
            n_people=41,
            detection=DETECTED,
            identity=counts(**IDENTIFIED),
        ),
        ChallengeResult("Emojis", 1000, 2000, 3000, 9, counts("no truth file", frames=None)),
    ),
    scores=BENCHMARK_SCORES.frame(
        [
            score("tiktok-validation", "ekman-5", "macro_f1", 0.625),
            score("tiktok-validation", "ekman-5", "accuracy", 0.6875),
            score("cafe", "ekman-5", "macro_f1", None),
        ]
    ),
    confusions=CONFUSED,
    label_counts={"sad": 30, "kiss": 4},
    total_people=47,
    are_labels_simulated=True,
    weights=(WeightUse("retinaface", "MIT"), WeightUse("sface", "Apache-2.0", "identity")),
    settings={"epochs": "12"},
    versions={"torch": "2.13.0"},
    notes=("One note.",),
)


class Page(HTMLParser):
    """The page's visible text, its tags, and the addresses it names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)
        names = ("src", "href", "action", "srcset")
        self.addresses += [v or "" for k, v in attrs if k in names]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"unbalanced {tag}"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def page(data: ReportData = DATA) -> Page:
    return Page(reproduction_report(data))


def test_every_printed_figure_of_the_paper_is_there() -> None:
    text = page(ReportData(challenges=())).text
    tables = (paper.TABLE_1, paper.TABLE_2, paper.TABLE_3, paper.TABLE_4)
    for row in (row for table in tables for row in table):
        cells = [
            v
            for k, v in dataclasses.asdict(row).items()
            if k not in ("figure", "benchmark", "protocol")
        ]
        if isinstance(row, paper.IdentityRow):
            cells.insert(3, "–")  # the paper prints no number of identities found
        assert " ".join(cells) in text


def test_the_papers_data_are_as_printed() -> None:
    assert [row.total for row in paper.TABLE_1] == ["200", "223", "223", "0", "4"]
    assert [row.ari for row in paper.TABLE_2] == ["0.89", "0.91", "0.9"]
    assert [(r.macro_f1, r.accuracy) for r in paper.TABLE_3] == [
        ("0.47", "0.52"),
        ("0.78", "0.79"),
        ("0.20", "0.29"),
        ("0.65", "0.73"),
        ("0.50", "0.499"),
    ]
    for row in paper.TABLE_3:  # the scores' own copy says the same
        printed = (float(row.macro_f1), float(row.accuracy))
        keys = [(row.benchmark, row.protocol, metric) for metric in ("macro_f1", "accuracy")]
        assert printed == tuple(PAPER_SCORES[key] for key in keys)
    assert [int(row.best_emoji) for row in paper.TABLE_1] == list(PAPER["best-emoji-face"])
    assert [int(row.face) for row in paper.TABLE_1] == list(PAPER["face-challenge"])
    *rows, total = paper.TABLE_4
    sums = [
        sum(int(getattr(r, c).replace(",", "")) for r in rows)
        for c in ("videos", "distinct_faces", "people", "frames")
    ]
    assert sums == [6428, 91748, 9446, int(total.frames.replace(",", ""))]


def test_contradictions_stand_beside_what_they_are_about() -> None:
    text = page().text
    for remark in paper.REMARKS:
        assert remark.text in text
    table_4 = text[text.index("Table 4. Size") :]
    for figure in ("6,428", "6,482", "91,748", "9,446"):
        assert figure in table_4
    assert text.count("The paper contradicts itself.") == sum(
        r.is_contradiction for r in paper.REMARKS
    )


def test_this_runs_figures_are_there() -> None:
    text = page().text
    assert "faces in the frames 110 113 223 77 –" in text
    assert "faces missed 0 0 0 2 –" in text
    assert "unsampled – – – 8 –" in text
    assert "Faces, all known faces 900 31 33 1.000" in text
    assert "Faces, the paper's protocol 90 29 30 0.938" in text
    assert (
        "TikTok validation, 5 Ekman 0.78 0.79 0.625 (0.500 to 0.750) 0.688 (0.562 to 0.812) 4,321"
        in text
    )
    assert "CAFE, 5 Ekman 0.50 0.499 skipped" in text
    assert "Faces 1,234 5,678 4,567 41" in text
    assert "Total 2,234 7,678 7,567 47" in text
    assert "Emojis: no truth file" in text
    assert "cafe ekman-5 cafe is not on this machine" in text
    assert "retinaface MIT" in text and "sface identity Apache-2.0" in text
    assert "epochs 12" in text and "torch 2.13.0" in text and "One note." in text


def test_people_are_not_summed_over_challenges() -> None:
    text = page(dataclasses.replace(DATA, total_people=None)).text
    assert "Total 2,234 7,678 7,567 –" in text


def test_simulated_labels_are_named_only_where_they_are() -> None:
    assert "Simulated labels." in page().text
    assert "imulated" not in page(dataclasses.replace(DATA, are_labels_simulated=False)).text


def test_figures_8_and_9_follow_the_papers_order_and_pictures_are_inside() -> None:
    both = pl.concat([CONFUSED, CONFUSED.with_columns(protocol=pl.lit(ALL_CLASSES.name))])
    found = page(dataclasses.replace(DATA, confusions=CONFUSIONS.conform(both)))
    assert (
        0
        < found.text.index("Figures 6 and 7")
        < found.text.index("Figure 8.")
        < found.text.index("Figure 9.")
    )
    assert found.tags.count("img") == 3
    wanted = dataclasses.replace(DATA, correlation_png=encode_png(np.zeros((4, 4, 3), np.uint8)))
    assert page(wanted).tags.count("img") == 3


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    html = reproduction_report(DATA)
    found = Page(html)
    assert not set(found.tags) & {"script", "link", "iframe", "object", "base"}
    assert all(address.startswith("data:image/png;base64,") for address in found.addresses)
    assert "//" not in re.sub(r'"data:[^"]*"', "", html), "an address, or an import in the style"
    assert not re.search(r"\son\w+=|@import|url\(", re.sub(r'"data:[^"]*"', "", html))
    assert not found.open, "every tag is closed"


def test_hostile_names_stay_text() -> None:
    names = dataclasses.replace(
        DATA,
        challenges=(ChallengeResult(HOSTILE, detection=counts(HOSTILE, frames=None)),),
        notes=(HOSTILE,),
        settings={HOSTILE: HOSTILE},
        weights=(WeightUse(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        label_counts={HOSTILE: 3},
    )
    found = page(names)
    assert "script" not in found.tags
    assert found.text.count(HOSTILE) >= 8
    assert not found.open


@pytest.mark.parametrize("text", ["0123456789abcdef", "see 0123456789abcdef/kiss/1200"])
def test_ids_are_refused(text: str) -> None:
    with pytest.raises(ReportError, match="aggregates only"):
        reproduction_report(dataclasses.replace(DATA, notes=(text,)))
    with pytest.raises(ReportError):
        reproduction_report(dataclasses.replace(DATA, challenges=(ChallengeResult(text),)))


def test_a_commit_hash_is_no_id() -> None:
    assert reproduction_report(dataclasses.replace(DATA, versions={"commit": "0123456789" * 4}))


def test_the_same_data_give_the_same_page_and_nothing_gives_a_page() -> None:
    assert reproduction_report(DATA) == reproduction_report(DATA)
    empty = page(ReportData(challenges=(ChallengeResult("Faces"),))).text
    assert "Faces, all known faces – – – –" in empty and "Nothing was scored." in empty


def test_tables_must_keep_their_schema() -> None:
    with pytest.raises(SchemaError, match="benchmark_scores"):
        dataclasses.replace(DATA, scores=pl.DataFrame({"value": [1.0]}))


def test_confusion_matrix_puts_target_in_rows_and_ekman_first() -> None:
    cells = pl.DataFrame(
        {"target": ["kiss", "sad", "zzz"], "pred": ["sad", "kiss", "zzz"], "n_images": [3, 5, 7]}
    )
    matrix, classes = confusion_matrix(cells)
    assert classes == ("sad", "kiss", "zzz")
    np.testing.assert_array_equal(matrix, [[0, 5, 0], [3, 0, 0], [0, 0, 7]])


def test_other_classes_than_the_papers_are_named() -> None:
    own = CONFUSIONS.conform(CONFUSED.with_columns(protocol=pl.lit(ALL_CLASSES.name)))
    assert "its own 5 expressions" in page(dataclasses.replace(DATA, confusions=own)).text
    assert "its own" not in page().text


def test_a_warning_stands_with_its_score() -> None:
    row = score("tiktok-validation", "ekman-5", "macro_f1/skin_tone=V", 0.25)
    scores = BENCHMARK_SCORES.frame([{**row, "reason": "only 3 people"}])
    assert (
        "macro_f1/skin_tone=V only 3 people 0.250"
        in page(dataclasses.replace(DATA, scores=scores)).text
    )
