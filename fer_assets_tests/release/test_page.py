from html.parser import HTMLParser

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.release.page import (
    Bullets,
    Heading,
    Page,
    Paragraph,
    Picture,
    Table,
    as_html,
    as_markdown,
)

EVIL = '<script>alert("x")</script> [a](javascript:b) | `c` *d* \n# e & <img src=x>'


class Tags(HTMLParser):
    """What is markup and what is text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(text: str) -> Page:
    return Page(
        text,
        [
            Heading(text),
            Paragraph(text),
            Paragraph(text, is_warning=True),
            Bullets([text]),
            Table(pl.DataFrame({"column": [text, None], "n": [1234, 5]}), text),
            Picture("a.png", b"png", text),
        ],
    )


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_text_is_never_markup_in_html(text: str) -> None:
    tags, plain = Tags(), Tags()
    tags.feed(as_html(_page(text)))
    plain.feed(as_html(_page("plain")))
    assert tags.tags == plain.tags
    assert tags.attributes == plain.attributes


def test_html_needs_nothing_else() -> None:
    page = as_html(_page(EVIL))
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert 'src="data:image/png;base64,' in page


def test_text_is_never_markup_in_markdown() -> None:
    text = as_markdown(_page(EVIL), {"a.png": "b-1.png"})
    assert "<script" not in text
    assert "<img" not in text
    assert "](javascript" not in text.replace("\\]", "")
    assert "](b-1.png)" in text
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("# ")] == [lines[0]]
    rows = [line for line in lines if line.startswith("|")]
    assert [row.replace("\\|", "").count("|") for row in rows] == [3] * 4
    assert rows[2].endswith("| 1,234 |")


def test_an_empty_list_says_so() -> None:
    page = Page("t", [Bullets([])])
    assert "Not stated." in as_markdown(page)
    assert "Not stated." in as_html(page)
