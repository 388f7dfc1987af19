from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from fer_assets.challenges.vocabulary import EKMAN
from fer_assets.demo.casting import CHALLENGES, DemoSettings, demo_challenge, scripts
from fer_assets.demo.geometry import camera_path, carry_boxes, place, still_boxes
from fer_assets.demo.people import NEUTRAL, tile_geometry
from fer_assets.demo.script import SETTLED_S, VideoScript
from fer_assets.demo.timeline import showing_at, tiles_shown
from fer_assets.demo.truth import sampled_times

ALL = scripts(DemoSettings())
READABLE = [s for s in ALL if s.is_readable]


def test_two_prompt_sets_with_the_ekman_five_and_twelve_or_more_in_all() -> None:
    sets = [{p.prompt_id for p in c.prompts} for c in CHALLENGES]
    assert sets[0] != sets[1]
    assert all(set(EKMAN) <= one for one in sets)
    assert len(sets[0] | sets[1]) >= 12
    assert all(p.group == ("ekman" if p.prompt_id in EKMAN else "beyond")
               for c in CHALLENGES for p in c.prompts)  # fmt: skip


@pytest.mark.parametrize("key", [c.key for c in CHALLENGES])
def test_twenty_videos_and_every_flaw_that_was_asked_for(key: str) -> None:
    mine = [s for s in ALL if s.challenge == key]
    assert len({s.file for s in mine}) == len(mine)
    assert sum(s.is_readable for s in mine) >= 20
    defects = Counter(s.defect for s in mine)
    assert {"reupload", "copy", "truncated", "text"} <= set(defects)
    assert any(s.sound is None for s in mine)
    assert any(len(s.actors) == 2 for s in mine)
    assert any(s.turn_deg for s in mine)
    assert any(s.container_deg for s in mine)
    assert any(s.first_crf for s in mine)
    assert any(cue.is_absent for s in mine for cue in s.cues)
    repeated = [s for s in mine if len({c.prompt_id for c in s.cues}) < len(s.cues)]
    assert repeated
    assert any(len(s.cues) < DemoSettings().prompts_per_video for s in mine)
    order = [p.prompt_id for p in demo_challenge(key).prompts]
    places = [[order.index(c.prompt_id) for c in s.cues] for s in mine]
    assert any(p == sorted(p) for p in places)
    assert any(p != sorted(p) for p in places)
    levels = [s.sound.snr_db for s in mine if s.sound]
    assert min(levels) == 0
    assert max(levels) == 10
    drifts = [s.sound.drift for s in mine if s.sound]
    assert min(drifts) == -0.001
    assert max(drifts) == 0.001


def test_every_person_meets_every_prompt_of_every_challenge() -> None:
    met = defaultdict(set)
    for script in ALL:
        if len(script.actors) == 1 and script.defect == "none" and script.sound:
            met[script.actors[0].person, script.challenge] |= {
                c.prompt_id for c in script.cues if not c.is_absent
            }
    short = {who: len(prompts) for who, prompts in met.items() if len(prompts) < 9}
    # one lost prompt, one empty stretch per challenge
    assert len(met) == 20
    assert sum(9 - n for n in short.values()) <= 4


def test_sources_come_first_and_files_tell_nobody() -> None:
    seen: set[str] = set()
    for script in ALL:
        assert script.source is None or script.source in seen
        assert not any(actor.person in script.file for actor in script.actors)
        seen.add(script.file)


@pytest.mark.parametrize("script", READABLE, ids=lambda s: s.file)
def test_sampled_frames_show_the_prompted_expression_alone(script: VideoScript) -> None:
    challenge = demo_challenge(script.challenge)
    for time in sampled_times(script):
        seen = showing_at(script, challenge, time + script.trim_s)
        assert seen.tile not in (None, NEUTRAL)
    for cue in script.cues:
        tile = showing_at(script, challenge, cue.start_s + SETTLED_S + 1e-6).tile
        assert tile == ("absent" if cue.is_absent else challenge.tile(cue.prompt_id))


@pytest.mark.parametrize("script", READABLE, ids=lambda s: s.file)
def test_faces_stay_in_the_picture(script: VideoScript) -> None:
    path = camera_path(script)
    for tile in tiles_shown(script, demo_challenge(script.challenge)):
        boxes = still_boxes(script, tile)
        for camera in path[::10]:
            moved = carry_boxes(boxes, camera)
            for x0, y0, x1, y1 in moved:
                wide = max(min(x1, script.width_px) - max(x0, 0), 0)
                high = max(min(y1, script.height_px) - max(y0, 0), 0)
                assert wide * high > 0.9 * (x1 - x0) * (y1 - y0), tile


def test_a_mirrored_tile_is_mirrored_about_the_face() -> None:
    script = next(s for s in ALL if s.actors and s.actors[0].is_mirrored)
    placement = place(script, 0, NEUTRAL)
    x0, y0, x1, y1 = tile_geometry()[script.actors[0].person, NEUTRAL].face_px
    matrix = placement.matrix()
    corners = np.array([[x0, y0, 1], [x1, y1, 1]]) @ matrix.T
    box = placement.box((x0, y0, x1, y1))
    assert corners[0, 0] > corners[1, 0]
    np.testing.assert_allclose(box, [corners[1, 0], corners[0, 1], corners[0, 0], corners[1, 1]])


def test_a_share_of_the_settings_is_refused() -> None:
    with pytest.raises(ValueError, match="width_px"):
        DemoSettings(width_px=63)
    with pytest.raises(ValueError, match="out of range"):
        DemoSettings(prompts_per_video=1)
