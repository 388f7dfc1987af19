"""Who appears in which video of the demo, with which prompts, filmed and uploaded how.

Belongs here: drawing up the scripts of both challenges from settings. Does not belong here:
carrying them out (`demo/render.py`).

Every person takes part in each challenge `videos_per_person` times, and over those videos meets
each prompt at least once. Some of these videos have a flaw of real uploads (`_SPECIAL`); others
come on top: duets, a re-upload, a copy, a video without sound, two files that are no videos.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from fer_assets.demo.people import NEUTRAL, tile_geometry
from fer_assets.demo.script import (
    Actor,
    Cue,
    DemoChallenge,
    DemoPrompt,
    Filming,
    Sound,
    VideoScript,
)

_EKMAN: Final = (
    DemoPrompt("angry", "Angry", "ekman", "angry"),
    DemoPrompt("disgust", "Disgust", "ekman", "disgusted"),
    DemoPrompt("sad", "Sad", "ekman", "sad"),
    DemoPrompt("surprise", "Surprise", "ekman", "surprised"),
    DemoPrompt("smiling", "Smiling", "ekman", "happy"),
)


def _beyond(*tiles: str) -> tuple[DemoPrompt, ...]:
    return tuple(DemoPrompt(tile, tile.capitalize(), "beyond", tile) for tile in tiles)


CHALLENGES: Final = (
    DemoChallenge(
        "face-challenge",
        "Face Challenge (demo)",
        _EKMAN + _beyond("thoughtful", "playful", "scared", "flirty"),
    ),
    DemoChallenge(
        "best-emoji-face",
        "Best Emoji Face (demo)",
        _EKMAN + _beyond("confused", "exhausted", "pensive", "smug"),
    ),
)
"""The two challenges; each prompt's id is also the expression it asks for."""


@dataclass(frozen=True)
class DemoSettings:
    """What is rendered.

    Attributes:
        seed: seed of everything.
        challenges: keys of the challenges to render.
        people: ids of the people to film; empty for all.
        videos_per_person: videos of each person alone, per challenge.
        prompts_per_video: prompts in an ordinary video.
        width_px: width of an ordinary upright video, even; the height is 16/9 of it.
        has_oddities: whether duets, re-uploads, broken files and the like are added.
        processes: processes that render; 1 for this one.
    """

    seed: int = 20220907
    challenges: tuple[str, ...] = tuple(challenge.key for challenge in CHALLENGES)
    people: tuple[str, ...] = ()
    videos_per_person: int = 2
    prompts_per_video: int = 6
    width_px: int = 360
    has_oddities: bool = True
    processes: int = 2

    def __post_init__(self) -> None:
        if self.width_px % 2 or self.width_px < 64:
            raise ValueError(f"width_px must be even and at least 64, not {self.width_px}")
        if self.videos_per_person < 1 or self.prompts_per_video < 2 or self.processes < 1:
            raise ValueError(f"demo settings out of range: {self}")

    @property
    def cast(self) -> tuple[str, ...]:
        """Ids of the people who take part."""
        return self.people or tuple(sorted({person for person, _ in tile_geometry()}))


def demo_challenge(key: str) -> DemoChallenge:
    """The demo challenge called `key`; KeyError for an unknown one."""
    return {challenge.key: challenge for challenge in CHALLENGES}[key]


def scripts(settings: DemoSettings) -> tuple[VideoScript, ...]:
    """Scripts of all files of all challenges; files with a `source` come after it."""
    return tuple(
        script for key in settings.challenges for script in _challenge_scripts(key, settings)
    )


def _challenge_scripts(key: str, settings: DemoSettings) -> list[VideoScript]:
    challenge = demo_challenge(key)
    seed = settings.seed + zlib.crc32(key.encode())
    rng = np.random.default_rng(seed)
    solo = [
        _solo(challenge, settings, person, take, np.random.default_rng([seed, i, take]))
        for i, person in enumerate(settings.cast)
        for take in range(settings.videos_per_person)
    ]
    levels = rng.permutation(np.linspace(0, 10, max(len(solo), 2)))
    solo = [_with_snr(script, float(level)) for script, level in zip(solo, levels, strict=False)]
    shift = 7 * settings.challenges.index(key)
    if settings.has_oddities:
        solo = [_specialise(s, (i + shift) % 20) for i, s in enumerate(solo)]
    extras = _extras(challenge, settings, solo, rng) if settings.has_oddities else []
    numbers = 1 + rng.permutation(len(solo) + len(extras))
    initials = "".join(word[0] for word in key.split("-"))
    drawn = rng.integers(1, 2**31, len(numbers))
    names: dict[str, str] = {}
    seeds: dict[str, int] = {}
    for script, number, own in zip([*solo, *extras], numbers, drawn, strict=True):
        names[script.file] = f"{initials}-{number:03d}.mp4"
        seeds[script.file] = seeds.get(script.source or "", int(own))
    return [
        replace(
            script,
            file=names[script.file],
            source=names[script.source] if script.source else None,
            seed=seeds[script.file],
        )
        for script in [*solo, *extras]
    ]


def _solo(
    challenge: DemoChallenge,
    settings: DemoSettings,
    person: str,
    take: int,
    rng: np.random.Generator,
) -> VideoScript:
    """One person alone: takes share an order of prompts that is dealt out in turn."""
    prompts = [prompt.prompt_id for prompt in challenge.prompts]
    deal = np.random.default_rng([settings.seed, int(person[1:])]).permutation(len(prompts))
    count = min(settings.prompts_per_video, len(prompts))
    step = max(len(prompts) - count, 1)
    picked = sorted(int(deal[(take * step + k) % len(prompts)]) for k in range(count))
    if take % 2:
        picked = [int(i) for i in rng.permutation(picked)]
    cues, duration_s = _cues([prompts[i] for i in picked], rng)
    # Heads that their tile cuts off look whole only where the picture ends there, too.
    is_cut_off = tile_geometry()[person, NEUTRAL].face_px[1] < 30
    is_letterbox = rng.random() < (0.75 if is_cut_off else 0.15)
    share = rng.uniform(0.3, 0.48)
    return VideoScript(
        challenge=challenge.key,
        file=f"{person}/{take}",
        uploader=_handle(person),
        seed=0,
        width_px=settings.width_px,
        height_px=settings.width_px * 16 // 9 // 2 * 2,
        frame_rate_hz=int(rng.choice((25, 25, 30))),
        duration_s=duration_s,
        cues=cues,
        actors=(
            Actor(
                person,
                face_share=float(share),
                centre_x=0.5 if is_letterbox else float(rng.uniform(0.42, 0.58)),
                base_y=float(rng.uniform(0.6, 0.72) if is_letterbox else rng.uniform(0.72, 1.02)),
                is_mirrored=bool(take % 2),
            ),
        ),
        layout="letterbox" if is_letterbox else "cutout",
        filming=Filming(
            sway=float(rng.uniform(0.3, 1.5)),
            exposure=float(rng.uniform(0, 0.15)),
            warmth=float(rng.uniform(-0.1, 0.1)),
            grain=float(rng.choice((0, 0, 2.5))),
        ),
        sound=Sound(
            music_share=float(rng.uniform(0, 0.9)),
            drift=float(rng.uniform(-3e-4, 3e-4)),
            gain=float(rng.uniform(0.15, 0.95)),
        ),
        crf=int(rng.choice((20, 23, 26, 29))),
        gop=int(rng.choice((15, 50, 250))),
    )


def _cues(prompts: list[str], rng: np.random.Generator) -> tuple[tuple[Cue, ...], float]:
    """Prompts some 1.8 s apart, and the length of a video that holds the last one as long."""
    gaps = np.r_[rng.uniform(0.9, 1.3), rng.uniform(1.66, 1.92, len(prompts) - 1)]
    starts = np.round(np.cumsum(gaps), 4)
    cues = tuple(Cue(p, float(s)) for p, s in zip(prompts, starts, strict=True))
    return cues, round(float(starts[-1]) + 1.76, 2)


def _with_snr(script: VideoScript, snr_db: float) -> VideoScript:
    if script.sound is None:
        return script
    return replace(script, sound=replace(script.sound, snr_db=round(snr_db, 2)))


def _specialise(script: VideoScript, slot: int) -> VideoScript:
    """The script with the flaw or feature of its slot, 0 to 19; most slots have none."""
    actor, sound, cues = script.actors[0], script.sound, script.cues
    is_first = script.challenge == CHALLENGES[0].key
    wider = script.width_px * 4 // 3 // 2 * 2
    shape = {"width_px": wider, "height_px": wider * 16 // 9 // 2 * 2}
    close = replace(actor, face_share=0.62, base_y=1.0, centre_x=0.5)
    far = replace(actor, face_share=0.2)
    changes: dict[int, dict[str, object]] = {
        2: {"actors": (close,), "layout": "cutout"},
        3: _repeat_cue(script),
        4: {**shape, "frame_rate_hz": 30},
        5: {"first_crf": 32, "crf": 24},
        6: {"cues": (*cues[:1], *cues[2:])},
        8: {"sound": sound and replace(sound, drift=0.001)},
        10: {"actors": (far,), "layout": "cutout"},
        11: {"turn_deg": 90 if is_first else 270, "layout": "cutout"},
        12: {"cues": (*cues[:-2], replace(cues[-2], is_absent=True), cues[-1])},
        13: {"sound": sound and replace(sound, drift=-0.001)},
        14: {"container_deg": 90},
        15: {**shape},
        16: {"first_crf": 30, "crf": 26},
        17: {"actors": (close,), "layout": "cutout"},
        18: {"filming": replace(script.filming, sway=2.2, exposure=0.3)},
    }
    return replace(script, **changes.get(slot, {}))  # type: ignore[arg-type]


def _repeat_cue(script: VideoScript) -> dict[str, object]:
    """The second prompt once more at the end."""
    again = round(script.duration_s, 4)
    cue = Cue(script.cues[1].prompt_id, again)
    return {"cues": (*script.cues, cue), "duration_s": round(again + 1.76, 2)}


def _extras(
    challenge: DemoChallenge,
    settings: DemoSettings,
    solo: list[VideoScript],
    rng: np.random.Generator,
) -> list[VideoScript]:
    """Duets, a re-upload, a copy, a silent video, a truncated and a text file."""
    plain = [s for s in solo if not s.turn_deg and not s.container_deg]
    order = rng.permutation(len(plain))
    first, second, third, fourth = (plain[order[i % len(plain)]] for i in range(4))
    # A take of its own: the same performance without its sound would be a re-upload.
    performer, rng_take = third.actors[0].person, np.random.default_rng([settings.seed, 98])
    take = _solo(challenge, settings, performer, settings.videos_per_person, rng_take)
    extras = [
        replace(
            first,
            file="reupload",
            source=first.file,
            uploader=_handle("fan"),
            defect="reupload",
            trim_s=0.4,
            crf=30,
        ),
        replace(second, file="copy", source=second.file, uploader=_handle("fan"), defect="copy"),
        replace(take, file="silent", sound=None),
        replace(fourth, file="truncated", source=fourth.file, defect="truncated"),
        replace(fourth, file="text", defect="text", source=None),
    ]
    cast = settings.cast
    pairs = [(cast[0], cast[-3]), (cast[4], cast[-2])] if len(cast) >= 8 else []
    return extras + [
        _duet(challenge, settings, pair, np.random.default_rng([settings.seed, 99, i]))
        for i, pair in enumerate(pairs)
    ]


def _duet(
    challenge: DemoChallenge,
    settings: DemoSettings,
    pair: tuple[str, str],
    rng: np.random.Generator,
) -> VideoScript:
    """Two people side by side who answer the same prompts."""
    base = _solo(challenge, settings, pair[0], 0, rng)
    actors = tuple(
        Actor(person, float(rng.uniform(0.42, 0.5)), 0.5, float(rng.uniform(0.7, 0.95)), bool(i))
        for i, person in enumerate(pair)
    )
    return replace(
        base,
        file=f"duet/{pair[0]}",
        actors=actors,
        layout="duet",
        width_px=settings.width_px * 4 // 3 // 4 * 4,
        height_px=settings.width_px * 16 // 9 // 2 * 2,
        filming=replace(base.filming, sway=0.5),
        sound=Sound(snr_db=5.0, music_share=0.6),
    )


def _handle(person: str) -> str:
    """The name under which a person uploads."""
    return f"user-{zlib.crc32(person.encode()) % 10**6:06d}"
