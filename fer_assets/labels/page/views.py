"""What the templates are given.

Belongs here: the page's settings, its templates, and turning a screen of the desk into what a
template shows. Does not belong here: routes (`app.py`), rules (`desk.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from fer_assets.labels.allocation import AllocationProgress
from fer_assets.labels.page import branching
from fer_assets.labels.page.desk import MAX_COMMENT_CHARS, Screen
from fer_assets.labels.page.report import WorkReport
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.swatches import swatches_svg
from fer_assets.web.templating import StaticFiles, environment

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class PageSettings:
    """What the page says about itself.

    Attributes:
        key: the challenge's key.
        name: the challenge's name for people.
        pay_per_hour: pay for an hour; None: nothing is said about pay.
        currency: after amounts, e.g. ``EUR``; may be "".
    """

    key: str
    name: str
    pay_per_hour: float | None = None
    currency: str = ""


class Views:
    """Renders the page's templates.

    Args:
        settings: what the page says about itself.
        questionnaire: what is asked.
    """

    def __init__(self, settings: PageSettings, questionnaire: Questionnaire) -> None:
        self.settings = settings
        self.questionnaire = questionnaire
        self.static = StaticFiles(_HERE / "static")
        self._templates = environment(_HERE / "templates", self.static)
        self._templates.globals.update(
            settings=settings,
            questionnaire=questionnaire,
            max_comment_chars=MAX_COMMENT_CHARS,
            amount=self._amount,
            duration=_duration,
            scales={q.id: Markup(swatches_svg(q)) for q in questionnaire.questions},
        )
        self._templates.globals["all_questions"] = Markup(self._all_questions())

    def render(self, template: str, **values: Any) -> str:
        """The HTML of a template."""
        return self._templates.get_template(template).render(**values)

    def face(
        self,
        screen: Screen,
        progress: AllocationProgress,
        csrf: str,
        query: Mapping[str, str],
    ) -> str:
        """The screen with a face: the picture, what was said so far, and the next question.

        Args:
            query: the answers so far as the browser sent them; those to another face are ignored.
        """
        is_under_way = (query.get("task"), query.get("attempt")) == (
            screen.task_id, str(screen.attempt),
        )  # fmt: skip
        given: Mapping[str, str] = query if is_under_way else screen.before or {}
        if screen.before is not None and not is_under_way:
            # an optional question that was passed over is not in the book: it was passed over
            optional = [q.id for q in self.questionnaire.questions if not q.is_required]
            given = {**dict.fromkeys(optional, branching.PASSED), **given}
        said = branching.sensible(self.questionnaire, given)
        question = branching.next_question(self.questionnaire, said)
        before = (screen.before or {}).get(question.id) if question else None
        return self.render(
            "face.html.j2",
            screen=screen,
            progress=progress,
            share=_share(progress),
            csrf=csrf,
            said=said,
            summary=branching.summary(self.questionnaire, said),
            question=question,
            choices=(
                branching.choices(self.questionnaire, question, said, before) if question else []
            ),
        )

    def me(self, report: WorkReport, csrf: str) -> str:
        """What the worker did, and the way to take it all back."""
        return self.render("me.html.j2", report=report, csrf=csrf)

    def _all_questions(self) -> str:
        """Every question with its buttons, for the script that shows one after another."""
        choices = {
            question.id: branching.choices(self.questionnaire, question, {}, None)
            for question in self.questionnaire.questions
        }
        return self.render("all_questions.html.j2", choices=choices)

    def _amount(self, value: float | None) -> str:
        return "" if value is None else f"{value:.2f} {self.settings.currency}".strip()


def _share(progress: AllocationProgress) -> int:
    """Per cent of the wanted answers that are in."""
    if not progress.n_wanted:
        return 0
    return min(100, 100 * progress.n_answers // progress.n_wanted)


def _duration(seconds: float) -> str:
    """E.g. ``1 h 05 min`` or ``3 min 20 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
