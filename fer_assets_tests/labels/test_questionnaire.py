from pathlib import Path

import pytest

from fer_assets.labels.questionnaire import (
    QUESTIONS,
    Questionnaire,
    QuestionnaireError,
    check_answers,
    load_questionnaire,
)

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
        ("version = 1", 'version = "x"', "fields as in"),
        ('id = "gender"', 'id = "sex"', "the questions"),
        ('answer = "none" }', 'answer = "nothing" }', "an answer to an earlier question"),
        ('{ id = "none", text = "None of these" },', "", "the answer none|earlier question"),
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
