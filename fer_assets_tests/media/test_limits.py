"""What a child may not do, whatever a file declares and whatever the child sends."""

import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fer_assets.media.errors import MediaError
from fer_assets.media.exchange import Exchange
from fer_assets.media.guarded import DecodeLimits, GuardedDecoder
from fer_assets.media.reasons import FAILED, MEMORY, NO_FRAME, OUTPUT, REASONS, TIME
from fer_assets.media.worker import LENGTHS

LIMITS = DecodeLimits(request_s=20.0, memory_bytes=1 << 30, output_bytes=1 << 28)


def pass_through(path: Path) -> str:
    """The reason for which one of the requests is refused, or "accepted"."""
    start = time.monotonic()
    try:
        with GuardedDecoder(LIMITS) as decoder:
            decoder.probe(path)
            decoder.survey(path)
            decoder.read_audio(path)
            list(decoder.sample_frames(path, [0.0, 0.5]))
    except MediaError as error:
        assert error.reason in REASONS
        return error.reason
    finally:
        assert time.monotonic() - start < 4 * LIMITS.request_s
    return "accepted"


def test_a_huge_picture(tmp_path: Path) -> None:
    path = tmp_path / "huge.mov"
    with av.open(path, "w") as container:
        stream = container.add_stream("png", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    struct.pack_into(">II", data, data.index(b"IHDR") + 4, 30_000, 30_000)
    path.write_bytes(data)
    assert pass_through(path) in (MEMORY, NO_FRAME)


@pytest.mark.parametrize("count", [10**6, 10**9, 2**32 - 1])
def test_tables_of_a_thousand_million_frames(small_video: Path, count: int) -> None:
    data = bytearray(small_video.read_bytes())
    for name, fields in ((b"stts", (1, count, 1)), (b"stsz", (4, count)), (b"stsc", (1, 1, count))):
        for track in (data.index(b"soun"), data.index(b"vide", data.index(b"moov"))):
            struct.pack_into(f">{len(fields)}I", data, data.index(name, track) + 8, *fields)
    small_video.write_bytes(data)
    assert pass_through(small_video) != "accepted"


@pytest.mark.parametrize(
    ("channels", "rate_hz"), [(65_535, 16_000), (1, 10**6), (2, 2**31), (1, 100)]
)
def test_sound_of_absurd_formats(tmp_path: Path, channels: int, rate_hz: int) -> None:
    path = tmp_path / "absurd.wav"
    samples = bytes(1 << 18)
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, channels,
        rate_hz, rate_hz * channels * 2 % 2**32, channels * 2 % 2**16, 16, b"data", len(samples),
    )  # fmt: skip
    path.write_bytes(header + samples)
    with GuardedDecoder(LIMITS) as decoder:
        try:
            sound = decoder.read_audio(path)
        except MediaError as error:
            assert error.reason in REASONS
        else:
            assert sound.nbytes <= LIMITS.output_bytes
            assert np.isfinite(sound).all()


def test_sound_that_starts_in_a_year(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000)
        stream.layout = "mono"
        for second in (0, 31_536_000):
            frame = av.AudioFrame.from_ndarray(np.ones((1, 16_000), np.int16), "s16", "mono")
            frame.sample_rate, frame.time_base = 16_000, Fraction(1, 16_000)
            frame.pts = second * 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with GuardedDecoder(LIMITS) as decoder:
        assert decoder.read_audio(path).size == pytest.approx(32_000, abs=16)


def test_the_child_is_confined(small_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", "hunter2")
    with GuardedDecoder(LIMITS) as decoder:
        decoder.probe(small_video)
        process = Path(f"/proc/{decoder.child_pid}")
        limits = process.joinpath("limits").read_text()
        assert b"hunter2" not in process.joinpath("environ").read_bytes()
    bounds = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
    assert bounds["Max address space"] == [str(1 << 30)] * 2
    assert bounds["Max file size"] == [str(1 << 20)] * 2
    assert bounds["Max open files"] == ["64", "64"]
    assert bounds["Max core file size"] == ["0", "0"]


Child = subprocess.Popen[bytes]


@pytest.fixture
def children() -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for child in started:
        child.kill()
        child.communicate()


def talking(children: list[Child], code: str) -> Child:
    """A process that says what `code` writes to `out`, in the place of the decoding child."""
    code = f"import sys, time; out = sys.stdout.buffer\n{code}\nout.flush(); time.sleep(60)"
    command = [sys.executable, "-c", code]
    children.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    return children[-1]


def reason_of(child: Child, limits: DecodeLimits) -> str:
    exchange = Exchange(child, Path("video.mp4"), limits)
    with pytest.raises(MediaError) as error:
        while exchange.next() is not None:
            pass
    return error.value.reason


def test_a_child_that_trickles(children: list[Child]) -> None:
    header = json.dumps({"kind": "frame"}).encode()
    start = LENGTHS.pack(len(header), 10**6) + header
    code = f"out.write({start!r})\nwhile True: out.write(b'x'); out.flush(); time.sleep(0.01)"
    begun = time.monotonic()
    assert reason_of(talking(children, code), DecodeLimits(request_s=1.0)) == TIME
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (LENGTHS.pack(4, 0) + b"nope", FAILED),
        (LENGTHS.pack(2, 0) + b"[]", FAILED),
        (LENGTHS.pack(2, 0) + b"{}", FAILED),
        (LENGTHS.pack(1 << 40, 0), OUTPUT),
        (LENGTHS.pack(1 << 21, 0), FAILED),
        (LENGTHS.pack(2, 1 << 60), OUTPUT),
    ],
)
def test_a_child_that_talks_nonsense(children: list[Child], said: bytes, reason: str) -> None:
    assert reason_of(talking(children, f"out.write({said!r})"), LIMITS) == reason


def test_a_child_that_does_not_listen(children: list[Child]) -> None:
    exchange = Exchange(talking(children, ""), Path("a.mp4"), DecodeLimits(request_s=0.5))
    with pytest.raises(MediaError) as error:
        exchange.send({"kind": "frames"}, bytes(1 << 24))
    assert error.value.reason == TIME
