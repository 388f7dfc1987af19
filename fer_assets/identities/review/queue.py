"""What the curator should look at, most doubtful first.

Belongs here: turning doubts and hints into questions with words and crops. Does not belong here:
the arithmetic of doubt (`doubts.py`), what was decided already (`desk.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.review.doubts import (
    DoubtfulPair,
    DoubtfulPart,
    ReviewSettings,
    doubtful_faces,
    doubtful_pairs,
    doubtful_tracks,
    nearness,
)
from fer_assets.identities.review.items import ReviewItem, item_id
from fer_assets.identities.review.published import Published
from fer_assets.identities.review.settled import Settled, SettledQuestions
from fer_assets.identities.review.strips import strip


@dataclass(frozen=True)
class Hint:
    """Faces that somebody else has doubts about, e.g. the crowd.

    Attributes:
        face_ids: the faces; those of one identity become one question.
        doubt: in [0, 1].
        reason: why, as a sentence without ids.
    """

    face_ids: tuple[str, ...]
    doubt: float
    reason: str


@dataclass(frozen=True)
class _Doubt:
    part: DoubtfulPart
    reasons: tuple[str, ...]


def review_queue(
    known: Published,
    threshold: float,
    settings: ReviewSettings | None = None,
    hints: Iterable[Hint] = (),
    settled: Iterable[Settled] = (),
) -> list[ReviewItem]:
    """Questions about a published clustering, most doubtful first.

    Pairs of identities whose means come near the threshold; tracks and faces of low cohesion;
    identities of a single face; and what hints point at. A hint on faces already in question adds
    its reason there.

    Args:
        known: the published clustering.
        threshold: cosine that joining tracks across videos asks for.
        settings: band, bounds.
        hints: doubts from elsewhere.
        settled: corrections that were carried out: what they say is not asked again.

    Returns:
        At most `most_items`, by falling doubt.
    """
    settings = settings or ReviewSettings()
    if not known.faces.face_ids:
        return []
    answered = SettledQuestions(known, settled)
    pairs = [
        pair for pair in doubtful_pairs(known, threshold, settings) if not answered.are_apart(pair)
    ]
    items = [_pair_item(known, pair, threshold, settings) for pair in pairs]
    items += _lone_faces(known, pairs, answered, threshold, settings)
    doubts = _parts(known, threshold, settings)
    doubts = _with_hints(known, doubts, hints)
    doubts = [d for d in doubts if not answered.belong(d.part.rows, _rest(known, d.part))]
    items = _once(items + [_part_item(known, doubt, threshold, settings) for doubt in doubts])
    items = [item for item in items if item.doubt >= settings.least_doubt]
    return sorted(items, key=lambda item: (-item.doubt, item.item_id))[: settings.most_items]


def _once(items: Iterable[ReviewItem]) -> list[ReviewItem]:
    """One question where two are about the same faces; it has the reasons of both."""
    found: dict[str, ReviewItem] = {}
    for item in items:
        # Whether an identity is a face can be answered where it is compared with another, too.
        name = item.subject.names[0] if item.question == "is a face" else ""
        twin = next((i for i in found.values() if name and i.subject.names == (name,)), None)
        before = found.get(item.item_id) or twin
        if before is None:
            found[item.item_id] = item
            continue
        reasons = tuple(dict.fromkeys((*before.reasons, *item.reasons)))
        doubt = max(before.doubt, item.doubt)
        found[before.item_id] = replace(before, reasons=reasons, doubt=doubt)
    return list(found.values())


def _pair_item(
    known: Published, pair: DoubtfulPair, threshold: float, settings: ReviewSettings
) -> ReviewItem:
    sizes = {side: len(known.members(side)) for side in (pair.a, pair.b)}
    smaller, larger = sorted(sizes, key=lambda side: (sizes[side], -side))
    sides = [known.members(side) for side in (smaller, larger)]
    doubt = nearness(pair.cosine, threshold, settings.band)
    if pair.cosine >= threshold:
        how = f"above the {threshold:.2f} that joining asks for, yet they were not joined"
    else:
        how = f"just below the {threshold:.2f} that joining asks for"
    if pair.cosine < threshold - settings.band:
        how = f"below the {threshold:.2f} that joining asks for"
    reasons = [f"Their mean faces resemble each other by {pair.cosine:.2f}, {how}."]
    if sizes[smaller] <= settings.stray_faces:
        doubt = max(doubt, 0.4)
        reasons.append("The first is an identity of a single face: whose is it, or is it one?")
    return ReviewItem(
        item_id("same person", *(_ids(known, side) for side in sides)),
        "same person",
        doubt,
        pair.cosine,
        threshold,
        tuple(reasons),
        subject=strip(known, sides[0], (known.identity_names[smaller],), settings.faces_shown),
        other=strip(known, sides[1], (known.identity_names[larger],), settings.faces_shown),
    )


def _lone_faces(
    known: Published,
    pairs: Sequence[DoubtfulPair],
    answered: SettledQuestions,
    threshold: float,
    settings: ReviewSettings,
) -> list[ReviewItem]:
    """Identities of a single face with nobody to compare them with."""
    paired = {side for pair in pairs for side in (pair.a, pair.b)}
    lone = [
        at
        for at in np.flatnonzero(np.bincount(known.identities) <= settings.stray_faces).tolist()
        if at not in paired and not answered.was_split_off(at)
    ]
    return [
        _is_a_face(
            known, at, 0.4, ("An identity of a single face: is it one?",), threshold, settings
        )
        for at in lone
    ]


def _is_a_face(
    known: Published,
    identity: int,
    doubt: float,
    reasons: tuple[str, ...],
    threshold: float,
    settings: ReviewSettings,
) -> ReviewItem:
    rows = known.members(identity)
    names = (known.identity_names[identity],)
    subject = strip(known, rows, names, settings.faces_shown)
    question = item_id("is a face", _ids(known, rows))
    return ReviewItem(question, "is a face", doubt, None, threshold, reasons, subject)


def _parts(known: Published, threshold: float, settings: ReviewSettings) -> list[_Doubt]:
    """Doubtful tracks, and doubtful faces of other tracks."""
    tracks = [
        _Doubt(part, (_track_reason(part, threshold), *_rival_reason(part)))
        for part in doubtful_tracks(known, threshold, settings)
    ]
    asked = {doubt.part.track for doubt in tracks}
    median = float(np.median(known.cohesion))
    faces = [
        _Doubt(part, (_face_reason(part, median), *_rival_reason(part)))
        for part in doubtful_faces(known, threshold, settings)
        if int(known.tracks[part.rows[0]]) not in asked
    ]
    return [*tracks, *faces]


def _track_reason(part: DoubtfulPart, threshold: float) -> str:
    return (
        f"In this video the face resembles the person's other videos by {part.cosine:.2f}; "
        f"joining asks for {threshold:.2f}."
    )


def _face_reason(part: DoubtfulPart, median: float) -> str:
    what = "This face resembles" if len(part.rows) == 1 else "These faces resemble"
    return f"{what} the person by {part.cosine:.2f} only; faces mostly do by {median:.2f}."


def _rival_reason(part: DoubtfulPart) -> tuple[str, ...]:
    if part.rival < 0:
        return ()
    how = "Nearer" if part.rival_cosine > part.cosine else "Nearly as near"
    return (f"{how} to another person ({part.rival_cosine:.2f}).",)


def _with_hints(known: Published, doubts: Sequence[_Doubt], hints: Iterable[Hint]) -> list[_Doubt]:
    """Doubts with the hints' reasons added; hints on other faces become doubts of their own."""
    found = list(doubts)
    own: dict[tuple[int, ...], _Doubt] = {}
    for hint in hints:
        rows = np.array(sorted(known.place[f] for f in hint.face_ids if f in known.place), int)
        for identity in np.unique(known.identities[rows]).tolist():
            mine = rows[known.identities[rows] == identity]
            at = next((k for k, d in enumerate(found) if np.isin(mine, d.part.rows).all()), None)
            if at is not None:
                found[at] = _added(found[at], hint)
                continue
            key = tuple(mine.tolist())
            before = own.get(key)
            own[key] = _added(before, hint) if before else _hinted(known, mine, identity, hint)
    return [*found, *own.values()]


def _added(doubt: _Doubt, hint: Hint) -> _Doubt:
    part = replace(doubt.part, doubt=max(doubt.part.doubt, hint.doubt))
    return _Doubt(part, tuple(dict.fromkeys((*doubt.reasons, hint.reason))))


def _hinted(known: Published, rows: NDArray[np.int64], identity: int, hint: Hint) -> _Doubt:
    cosine = float(known.cohesion[rows].min())
    part = DoubtfulPart(rows, identity, -1, cosine, 0.0, -1, -1.0, hint.doubt)
    return _Doubt(part, (hint.reason,))


def _part_item(
    known: Published, doubt: _Doubt, threshold: float, settings: ReviewSettings
) -> ReviewItem:
    part = doubt.part
    rest = _rest(known, part)
    if not len(rest):
        return _is_a_face(known, part.identity, part.doubt, doubt.reasons, threshold, settings)
    if part.track >= 0:
        names: tuple[str, ...] = (known.track_names[part.track],)
    else:
        names = tuple(_ids(known, part.rows))
    person = (known.identity_names[part.identity],)
    rival = None
    if part.rival >= 0:
        name = (known.identity_names[part.rival],)
        rival = strip(known, known.members(part.rival), name, settings.faces_shown)
    return ReviewItem(
        item_id("belongs", _ids(known, part.rows), _ids(known, rest)),
        "belongs",
        part.doubt,
        part.cosine,
        threshold,
        doubt.reasons,
        subject=strip(known, part.rows, names, settings.faces_shown),
        other=strip(known, rest, person, settings.faces_shown),
        rival=rival,
        rival_similarity=part.rival_cosine if rival else None,
    )


def _rest(known: Published, part: DoubtfulPart) -> NDArray[np.int64]:
    """The identity's other faces."""
    members = known.members(part.identity)
    return members[~np.isin(members, part.rows)]


def _ids(known: Published, rows: NDArray[np.int64]) -> list[str]:
    return [known.faces.face_ids[at] for at in rows.tolist()]
