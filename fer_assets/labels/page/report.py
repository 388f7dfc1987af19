"""Time and pay: what is owed to the people who answer.

Belongs here: counting and the table. Does not belong here: printing it (`commands/label.py`).

Time counts from when a face is shown until it is answered or passed over, pauses left out, at most
`desk.IDLE_S` at a stretch. It counts for good: for answers taken back, withdrawn, or whose face
was erased, too. Reading the instructions is not measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from fer_assets.labels.page.answer_book import AnswerBook
from fer_assets.labels.page.invitations import Invitation, invitations

_COUNTS = """
SELECT worker, sum(kind = 'answer' AND status = 'given'), sum(kind = 'skip' AND status = 'given'),
       sum(duration_s), max(at_s) FROM entries GROUP BY worker
"""


@dataclass(frozen=True)
class WorkReport:
    """What one worker did.

    Attributes:
        worker: pseudonym.
        state: of the invitation.
        n_answers: faces answered, withdrawn or erased ones left out.
        n_skips: faces passed over.
        n_flags: faces reported.
        n_removed: answers that were withdrawn by the worker or erased with a face.
        time_s: time spent in all.
        pay: for that time; None where no rate was stated.
        last_s: when the last answer came, seconds since the epoch; None for never.
    """

    worker: str
    state: str
    n_answers: int
    n_skips: int
    n_flags: int
    n_removed: int
    time_s: float
    pay: float | None
    last_s: float | None


def work_reports(book: AnswerBook, pay_per_hour: float | None = None) -> list[WorkReport]:
    """One report per invited worker, oldest invitation first."""
    rows = book.database.rows
    counts = {worker: tuple(found) for worker, *found in rows(_COUNTS)}
    flags = dict(rows("SELECT worker, count(*) FROM flags GROUP BY worker"))
    settled = {w: (n, time_s) for w, n, time_s in rows("SELECT * FROM settled")}

    def report(found: Invitation) -> WorkReport:
        n_answers, n_skips, open_s, last_s = counts.get(found.worker, (0, 0, 0.0, None))
        n_removed, settled_s = settled.get(found.worker, (0, 0.0))
        time_s = round(open_s + settled_s, 3)
        return WorkReport(
            worker=found.worker,
            state=found.state(book.clock()),
            n_answers=n_answers,
            n_skips=n_skips,
            n_flags=flags.get(found.worker, 0),
            n_removed=n_removed,
            time_s=time_s,
            pay=pay(time_s, pay_per_hour),
            last_s=last_s,
        )

    return [report(found) for found in invitations(book)]


def work_report(
    book: AnswerBook, worker: str, pay_per_hour: float | None = None
) -> WorkReport | None:
    """The report of one worker, None if there is no such worker."""
    found = (r for r in work_reports(book, pay_per_hour) if r.worker == worker)
    return next(found, None)


def pay(time_s: float, pay_per_hour: float | None) -> float | None:
    """Pay for a time, rounded to hundredths."""
    return None if pay_per_hour is None else round(time_s / 3600.0 * pay_per_hour, 2)
