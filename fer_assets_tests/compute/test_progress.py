from __future__ import annotations

from fer_assets.compute.progress import reporting_to, show, shown_to, track


def test_items_pass_unchanged_and_everybody_who_listens_is_told():
    outer: list[tuple[str, int, int]] = []
    inner: list[tuple[str, int, int]] = []
    with reporting_to(lambda *told: outer.append(told)):
        with reporting_to(lambda *told: inner.append(told)):
            assert list(track(iter("ab"), 2, "work")) == ["a", "b"]
        assert list(track([1], 1, "more")) == [1]
    assert list(track([1], 1, "nobody listens")) == [1]
    assert inner == [("work", 0, 2), ("work", 1, 2), ("work", 2, 2)]
    assert outer == [*inner, ("more", 0, 1), ("more", 1, 1)]


def test_pictures_are_drawn_only_for_who_watches() -> None:
    drawn: list[str] = []

    def draw() -> bytes:
        drawn.append("drawn")
        return b"png"

    show("curve", draw)
    assert drawn == []
    seen: list[tuple[str, bytes]] = []
    with shown_to(lambda title, picture: seen.append((title, picture()))):
        show("curve", draw)
    show("curve", draw)
    assert seen == [("curve", b"png")]
    assert drawn == ["drawn"]
