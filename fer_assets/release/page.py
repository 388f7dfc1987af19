"""A page of headings, paragraphs, tables and figures, as Markdown and as self-contained HTML.

Belongs here: the blocks and both renderings; whatever text goes in can't become markup. Does not
belong here: what the page says (`card.py`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from fer_assets.figures.png import data_uri
from fer_assets.release.notice_marks import NOTICES_END, NOTICES_START


@dataclass(frozen=True)
class Heading:
    """A section's heading."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text; a warning stands out."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list; nothing stated shows as that."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Rows under a caption."""

    frame: pl.DataFrame
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A PNG with what it shows in words."""

    name: str
    png: bytes
    alt: str


Block = Heading | Paragraph | Bullets | Table | Picture


@dataclass(frozen=True)
class Page:
    """A page: its title and blocks in order."""

    title: str
    blocks: Sequence[Block]

    @property
    def pictures(self) -> dict[str, bytes]:
        """File name to PNG of the figures."""
        return {block.name: block.png for block in self.blocks if isinstance(block, Picture)}


_NOTHING: Final = "Not stated."
_MARKS: Final = re.compile(r"([\\`*_\[\]|#])")


def as_markdown(page: Page, links: Mapping[str, str] | None = None) -> str:
    """The page as Markdown; figures are links to files.

    Args:
        page: the page.
        links: a figure's name to the file it is linked as; its own name by default.
    """
    links = links or {}
    parts = [f"# {_plain(page.title)}", f"{NOTICES_START}\n{NOTICES_END}"]
    for block in page.blocks:
        match block:
            case Heading(text):
                parts.append(f"## {_plain(text)}")
            case Paragraph(text, is_warning):
                parts.append(f"**{_plain(text)}**" if is_warning else _plain(text))
            case Bullets(items):
                parts.append("\n".join(f"- {_plain(item)}" for item in items) or _NOTHING)
            case Table(frame, caption):
                parts += [_plain(caption)] if caption else []
                parts.append(_markdown_table(frame))
            case Picture(name, _, alt):
                parts.append(f"![{_plain(alt)}]({links.get(name, name)})")
    return "\n\n".join(parts) + "\n"


def as_html(page: Page) -> str:
    """The page as one HTML file that needs no other and runs no script."""
    title = html.escape(page.title)
    body = "\n".join(_html(block) for block in page.blocks)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n{NOTICES_START}\n{NOTICES_END}\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{html.escape(text)}</h2>"
        case Paragraph(text, is_warning):
            return f'<p class="{"notice" if is_warning else "text"}">{html.escape(text)}</p>'
        case Bullets(items):
            rows = "".join(f"<li>{html.escape(item)}</li>" for item in items)
            return f"<ul>{rows}</ul>" if rows else f"<p>{_NOTHING}</p>"
        case Table(frame, caption):
            return _html_table(frame, caption)
        case Picture(name, png, alt):
            image = f'<img src="{data_uri(png)}" alt="{html.escape(alt)}">'
            return f'<figure id="{html.escape(name.rsplit(".", 1)[0])}">{image}</figure>'


def _html_table(frame: pl.DataFrame, caption: str) -> str:
    head = "".join(
        f'<th scope="col"{_numeric(frame[name])}>{html.escape(name)}</th>' for name in frame.columns
    )
    numeric = [_numeric(frame[name]) for name in frame.columns]
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{style}>{html.escape(_cell(value))}</td>"
            for style, value in zip(numeric, row, strict=True)
        )
        + "</tr>"
        for row in frame.iter_rows()
    )
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _numeric(values: pl.Series) -> str:
    return ' class="n"' if values.dtype.is_numeric() else ""


def _markdown_table(frame: pl.DataFrame) -> str:
    rule = ["---:" if frame[name].dtype.is_numeric() else "---" for name in frame.columns]
    rows = [[_plain(name) for name in frame.columns], rule]
    rows += [[_plain(_cell(value)) for value in row] for row in frame.iter_rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _plain(text: str) -> str:
    """Text that Markdown and the HTML inside it show as it is, on one line."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


_STYLE: Final = """
:root{color-scheme:light dark;--ink:#24292f;--quiet:#57606a;--rule:#d8dee4;--paper:#fff;
--band:#f6f8fa;--note:#fff4e5}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9da7b1;--rule:#3d444d;
--paper:#0d1117;--band:#161b22;--note:#3a2a12}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:56rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:.2em 0 .6em}
h2{font-size:1.2rem;margin:2.2em 0 .6em;padding-bottom:.3em;border-bottom:1px solid var(--rule)}
p,li{overflow-wrap:anywhere}
p{max-width:44rem}
ul{padding-left:1.2rem;max-width:44rem}
li{margin:.25em 0}
.notice{background:var(--note);border-left:4px solid #d55e00;padding:.6em .9em;border-radius:4px}
.wide{overflow-x:auto;margin:1em 0}
table{border-collapse:collapse;font-size:.9rem;min-width:50%}
caption{text-align:left;font-weight:600;padding:.3em 0}
td{white-space:nowrap}
th,td{padding:.3em .7em;text-align:left;border-bottom:1px solid var(--rule)}
th{color:var(--quiet);font-weight:600;vertical-align:bottom}
tbody tr:nth-child(even){background:var(--band)}
.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1.2em 0;background:#fff;border:1px solid var(--rule);border-radius:6px;padding:.6rem}
img{max-width:100%;height:auto;display:block}
@media print{main{max-width:none}figure,table{break-inside:avoid}}
"""
