import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from fer_assets.labels.questionnaire import (
    QUESTIONS,
    Answer,
    Questionnaire,
    QuestionnaireError,
    check_answers,
    load_questionnaire,
)
from fer_assets.labels.swatches import swatches_svg

PACKAGED = Path(load_questionnaire.__code__.co_filename).with_name("questionnaire.toml")


def test_follows_the_paper(questionnaire: Questionnaire) -> None:
    assert tuple(q.id for q in questionnaire.questions) == QUESTIONS
    assert questionnaire.question("ekman").answer_ids == (
        "angry", "disgust", "sad", "surprise", "smiling", "none",
    )  # fmt: skip
    assert questionnaire.question("skin_tone").answer_ids == ("I", "II", "III", "IV", "V", "VI")
    assert len(questionnaire.expressions) == 15
    assert set(questionnaire.votes) == {*questionnaire.expressions, "none", "other"}
    assert list(questionnaire.votes) == sorted(questionnaire.votes)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"is_face": "no"}, None),
        ({"is_face": "yes", "ekman": "sad"}, None),
        ({"is_face": "yes", "gender": "woman", "ekman": "none", "beyond_ekman": "cry"}, None),
        ({"is_face": "yes", "ekman": "none", "beyond_ekman": "none"}, None),
        ({}, "is_face not answered"),
        ({"ekman": "sad"}, "is_face not answered"),
        ({"is_face": "yes"}, "ekman not answered"),
        ({"is_face": "yes", "ekman": "none"}, "beyond_ekman not answered"),
        ({"is_face": "no", "ekman": "sad"}, "ekman answered although is_face is no"),
        ({"is_face": "no", "gender": "man"}, "gender answered although is_face is no"),
        (
            {"is_face": "yes", "ekman": "sad", "beyond_ekman": "cry"},
            "beyond_ekman answered although ekman is sad",
        ),
        (
            {"is_face": "no", "beyond_ekman": "cry"},
            "beyond_ekman answered although ekman is unanswered",
        ),
        ({"is_face": "yes", "ekman": "cry"}, "unknown answer to ekman"),
        ({"is_face": "no", "mood": "good"}, "unknown question"),
    ],
)
def test_check_answers(
    questionnaire: Questionnaire, answers: dict[str, str], reason: str | None
) -> None:
    assert check_answers(questionnaire, answers) == reason


def test_a_challenge_brings_its_own_expressions(questionnaire: Questionnaire) -> None:
    own = questionnaire.with_expressions(beyond=("tongue-out", "cry"))
    assert own.question("beyond_ekman").answer_ids == ("tongue-out", "cry", "none", "other")
    texts = {a.id: a.text for a in own.question("beyond_ekman").answers}
    assert texts["tongue-out"] == "Tongue out"
    assert own.question("ekman") == questionnaire.question("ekman")
    assert own.digest != questionnaire.digest
    with pytest.raises(QuestionnaireError, match="sad in both"):
        questionnaire.with_expressions(beyond=("sad",))
    with pytest.raises(QuestionnaireError, match="letters"):
        questionnaire.with_expressions(ekman=("a b",))


def test_digest_is_of_what_is_asked(questionnaire: Questionnaire, tmp_path: Path) -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    path = tmp_path / "q.toml"
    path.write_text(text.replace("Which gender does", "What gender does"), encoding="utf-8")
    assert load_questionnaire(path).digest == questionnaire.digest
    path.write_text(text.replace("version = 1", "version = 2"), encoding="utf-8")
    assert load_questionnaire(path).digest != questionnaire.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", "", "the field version"),
        ("version = 1", "version =", "TOML"),
        ("version = 1", 'version = "x"', "a whole number"),
        ('id = "gender"', 'id = "sex"', "the questions"),
        ('answer = "none" }', 'answer = "nothing" }', "an answer to an earlier question"),
        ('{ id = "none", text = "None of these",', '{ id = "no", text = "No",', "earlier question"),
        ('colour = "#DCBDA9"', 'colour = "red"', r"answers\[0\].colour; expected #RRGGBB"),
        ('id = "cant-tell", text', 'id = "bad-picture", text', "skip_reasons; expected a differ"),
        ("is_ordered = true", "ordered = true", "only the fields.*found ordered"),
        ("is_ordered = true", "is_ordered = 1", "true or false; found 1"),
        ('id = "no", text', 'id = "nope", text', "yes and no"),
        ('{ id = "II", text', '{ id = "I", text', "different answers"),
    ],
)
def test_a_bad_file_names_what_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "q.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(QuestionnaireError, match=message):
        load_questionnaire(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(QuestionnaireError, match=r"none\.toml"):
        load_questionnaire(tmp_path / "none.toml")


def test_wording_moves_no_task(questionnaire: Questionnaire, tmp_path: Path) -> None:
    assert (
        questionnaire.digest == "a824dd7910a4756f"
    )  # of the first release: ids of tasks hang on it
    text = PACKAGED.read_text(encoding="utf-8")
    for old in ("Brows drawn down", "#DCBDA9", "I know this person", "at least 18", "Go by your"):
        assert old in text
        text = text.replace(old, "#ABCDEF" if old.startswith("#") else "Other words")
    path = tmp_path / "q.toml"
    path.write_text(text, encoding="utf-8")
    reworded = load_questionnaire(path)
    assert reworded != questionnaire
    assert reworded.digest == questionnaire.digest


def test_says_all_that_a_worker_needs(questionnaire: Questionnaire) -> None:
    assert questionnaire.content_warning
    assert len(questionnaire.consent) > 1
    assert len(questionnaire.instructions) > 1
    assert {"cant-tell", "uncomfortable"} <= {r.id for r in questionnaire.skip_reasons}
    assert {"distress", "child"} <= {r.id for r in questionnaire.flag_reasons}
    for name in ("is_face", "ekman", "beyond_ekman"):
        assert all(a.example for a in questionnaire.question(name).answers)
    assert all(q.help for q in questionnaire.questions)


def test_swatches_lie_in_the_groups_that_their_source_names(questionnaire: Questionnaire) -> None:
    """ITA = atan((L* - 50) / b*), groups above 55, 41, 28, 10, -30 degrees and below."""
    colour = pytest.importorskip("cv2")
    ends = [90, 55, 41, 28, 10, -30, -90]
    for i, answer in enumerate(questionnaire.question("skin_tone").answers):
        rgb = np.array([[list(bytes.fromhex(answer.colour[1:]))]], dtype=np.float32) / 255
        lightness, _, b = colour.cvtColor(rgb, colour.COLOR_RGB2Lab)[0, 0]
        angle = math.degrees(math.atan2(lightness - 50, b))
        assert ends[i + 1] < angle < ends[i], answer.id


def test_the_scale_is_a_picture(questionnaire: Questionnaire) -> None:
    question = questionnaire.question("skin_tone")
    root = ElementTree.fromstring(swatches_svg(question))
    fills = [rect.get("fill") for rect in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert fills == [answer.colour for answer in question.answers]
    assert root.get("role") == "img"
    assert swatches_svg(questionnaire.question("gender")) == ""
    odd = replace(question, answers=(Answer("x", '<b a="1">&', colour="#000000"),))
    assert ElementTree.fromstring(swatches_svg(odd)).get("aria-label") == '<b a="1">&'


def test_a_challenge_keeps_examples_and_a_moved_expression_its_words(
    questionnaire: Questionnaire,
) -> None:
    own = questionnaire.with_expressions(ekman=("cry", "sad"), beyond=("angry", "kiss"))
    assert own.question("ekman").answers[0] == questionnaire.question("beyond_ekman").answers[3]
    assert own.question("beyond_ekman").answers[0].example.startswith("Brows")
    none = {q: own.question(q).answers[-1 if q == "ekman" else -2].text for q in QUESTIONS[-2:]}
    assert none == {"ekman": "None of these", "beyond_ekman": "No expression"}
    own.refuse_without(("sad",), ("kiss",))
    with pytest.raises(QuestionnaireError, match=r"questions.ekman.answers.*surprise.*Add it"):
        own.refuse_without(("surprise",), ())


def test_a_file_without_wording_has_the_packages(
    questionnaire: Questionnaire, tmp_path: Path
) -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    bare = "version = 1\ntitle = 'Short'\n" + text[text.index("[[questions]]") :]
    path = tmp_path / "q.toml"
    path.write_text(bare, encoding="utf-8")
    found = load_questionnaire(path)
    assert found.title == "Short"
    assert found.skip_reasons == questionnaire.skip_reasons != ()
    assert found.consent == questionnaire.consent != ()
    path.write_text("skip_reasons = []\n" + bare, encoding="utf-8")
    with pytest.raises(QuestionnaireError, match=r"skip_reasons.*not empty"):
        load_questionnaire(path)
