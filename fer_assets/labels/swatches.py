"""The picture of a scale: one swatch per answer that has a colour.

Belongs here: drawing it as SVG from a question's own colours. Does not belong here: the colours
(`questionnaire.toml`).
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from fer_assets.labels.questions import Question

_SIDE, _GAP, _TEXT = 72, 8, 22


def swatches_svg(question: Question) -> str:
    """An SVG element with a labelled swatch for each coloured answer; "" where there are none.

    It has a title, no script and no style attribute, so it may stand in a page with a strict
    content security policy.
    """
    coloured = [answer for answer in question.answers if answer.colour]
    if not coloured:
        return ""
    width = len(coloured) * (_SIDE + _GAP) - _GAP
    label = ", ".join(answer.text for answer in coloured)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_SIDE + _TEXT}" '
        f'role="img" aria-label={quoteattr(label)}>'
    ]
    for i, answer in enumerate(coloured):
        x = i * (_SIDE + _GAP)
        parts.append(
            f"<g><title>{escape(answer.text)}</title>"
            f'<rect x="{x}" y="0" width="{_SIDE}" height="{_SIDE}" rx="6" '
            f'fill="{answer.colour}" stroke="#808080"/>'
            f'<text x="{x + _SIDE / 2:g}" y="{_SIDE + _TEXT - 6}" text-anchor="middle" '
            f'font-family="sans-serif" font-size="15" fill="currentColor">'
            f"{escape(answer.id)}</text></g>"
        )
    return "".join([*parts, "</svg>"])
