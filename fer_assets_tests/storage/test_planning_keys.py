from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.storage.planning import is_withdrawn_unit, video_of
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import add_tombstones

VIDEO = "0123456789abcdef"


@pytest.mark.parametrize(
    ("key", "video_id"),
    [
        (VIDEO, VIDEO),
        (f"{VIDEO}-affect-b0", VIDEO),
        ("whole", None),
        ("fold-0", None),
        (f"{VIDEO}-", None),
        (f"{VIDEO}0", None),
        (f"{VIDEO}/1", None),
        ("expr-affect-b0-embeddings-linear-held-out", None),
        (f"expr-{VIDEO}", None),
    ],
)
def test_a_unit_tells_its_video(key, video_id):
    assert video_of(key) == video_id


@given(
    st.binary(min_size=8, max_size=8), st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)
)
def test_whatever_stands_behind_the_hyphen(data, backbone):
    assert video_of(f"{data.hex()}-{backbone}") == data.hex()


def test_a_withdrawn_video_takes_all_its_units(tmp_path):
    graves = add_tombstones(LocalStore(tmp_path), "video", [VIDEO])
    assert is_withdrawn_unit(VIDEO, graves)
    assert is_withdrawn_unit(f"{VIDEO}-affect-b0", graves)
    assert not is_withdrawn_unit(f"{'1' * 16}-affect-b0", graves)
    assert not is_withdrawn_unit("whole", graves)
