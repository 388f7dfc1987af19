"""The page that a Mechanical Turk worker sees, made from the questionnaire.

Belongs here: HTML in the service's envelope. Does not belong here: creating HITs (`hits.py`).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from fer_assets.labels.answer_files import MAX_COMMENT_CHARS
from fer_assets.labels.mturk.client import MTurkError
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.swatches import swatches_svg

MOST_BYTES: Final = 65_535
_SCHEMA: Final = (
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd"
)


def html_question(questionnaire: Questionnaire, image_url: str, submit_url: str) -> str:
    """The HTMLQuestion of one face: a plain form, branching by a few lines of script.

    Args:
        image_url: address of the picture, https.
        submit_url: where the form goes, the sandbox's or the real one.

    Raises:
        MTurkError: the questionnaire is too long for the service.
    """
    pictures = {q.id: Markup(swatches_svg(q)) for q in questionnaire.questions}
    html = _template().render(
        q=questionnaire, image_url=image_url, submit_url=submit_url, pictures=pictures,
        max_comment=MAX_COMMENT_CHARS,
    )  # fmt: skip
    # a CDATA section ends at the first "]]>": where the page has one, two sections meet
    content = html.replace("]]>", "]]]]><![CDATA[>")
    question = (
        f'<HTMLQuestion xmlns="{_SCHEMA}"><HTMLContent><![CDATA[{content}]]></HTMLContent>'
        "<FrameHeight>0</FrameHeight></HTMLQuestion>"
    )
    if (size := len(question.encode())) > MOST_BYTES:
        raise MTurkError(
            "questionnaire", expected=f"at most {MOST_BYTES} bytes as a page",
            found=str(size), remedy="Shorten examples, help or instructions.",
        )  # fmt: skip
    return question


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("question.html.j2")
