import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_assets.media.audio import read_audio
from fer_assets.media.errors import MediaError
from fer_assets.media.frames import sample_frames
from fer_assets.media.guarded import DecodeLimits, GuardedDecoder
from fer_assets.media.image_codec import decode_image, encode_jpeg
from fer_assets.media.probe import probe
from fer_assets.media.writer import write_video


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_the_child_answers_as_the_functions_do(small_video: Path) -> None:
    times = [0.1, 0.9, 0.5]
    with GuardedDecoder() as decoder:
        assert decoder.probe(small_video) == probe(small_video)
        pid = decoder.child_pid
        np.testing.assert_array_equal(decoder.read_audio(small_video), read_audio(small_video))
        guarded = list(decoder.sample_frames(small_video, times))
        assert decoder.child_pid == pid
    for ours, theirs in zip(guarded, sample_frames(small_video, times), strict=True):
        assert (ours.index, ours.time_s) == (theirs.index, theirs.time_s)
        np.testing.assert_array_equal(ours.image, theirs.image)
    assert pid is not None
    assert not is_alive(pid)


def test_bad_files_leave_the_child_in_service(tmp_path: Path, small_video: Path) -> None:
    whole = small_video.read_bytes()
    flipped = bytearray(whole)
    for at in range(3000, len(flipped), 997):
        flipped[at] ^= 0x10
    bad = {"empty": b"", "text": b"hello\n" * 99, "half": whole[:9000], "flipped": bytes(flipped)}
    with GuardedDecoder() as decoder:
        reasons = {}
        for name, content in bad.items():
            path = tmp_path / f"{name}.mp4"
            path.write_bytes(content)
            try:
                decoder.probe(path)
                list(decoder.sample_frames(path, [0.0, 1.0]))
            except MediaError as error:
                reasons[name] = error.reason
        assert reasons["empty"] == "empty file"
        assert {"text", "half"} <= set(reasons)
        assert decoder.probe(small_video).duration_s == pytest.approx(2.0)


def test_pictures_are_read_in_the_child(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8), (90, 60))
    files = {
        "good.jpg": encode_jpeg(image),
        "empty.jpg": b"",
        "text.jpg": b"hello",
        "huge.png": _png_header(2**20, 2**20),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with GuardedDecoder() as decoder:
        found = decoder.read_picture(tmp_path / "good.jpg")
        np.testing.assert_array_equal(found, decode_image(files["good.jpg"]))
        pid = decoder.child_pid
        for name, reason in (
            ("gone.jpg", "no such file"),
            ("empty.jpg", "empty file"),
            ("text.jpg", "not a readable picture"),
            ("huge.png", "not a readable picture"),
        ):
            with pytest.raises(MediaError) as error:
                decoder.read_picture(tmp_path / name)
            assert error.value.reason == reason
        assert decoder.child_pid == pid


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims to be of that size, and holds no pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (DecodeLimits(request_s=0.001), "time limit exceeded"),
        (DecodeLimits(output_bytes=30_000), "output limit exceeded"),
    ],
)
def test_limits_kill_the_child(small_video: Path, limits: DecodeLimits, reason: str) -> None:
    with GuardedDecoder(limits) as decoder:
        frames = decoder.sample_frames(small_video, np.arange(0, 2, 0.1))
        with pytest.raises(MediaError) as error:
            list(frames)
        assert error.value.reason == reason
        assert decoder.child_pid is None


def test_the_memory_limit(tmp_path: Path, small_video: Path) -> None:
    path = tmp_path / "large.mp4"
    large = [np.zeros((4096, 4096, 3), np.uint8)] * 2
    write_video(path, large, frame_rate_hz=1, audio=None, speed="ultrafast")
    with GuardedDecoder() as decoder:
        list(decoder.sample_frames(small_video, [0.0]))
        status = Path(f"/proc/{decoder.child_pid}/status").read_text()
    needed = 1024 * int(status.split("VmPeak:")[1].split()[0])
    with GuardedDecoder(DecodeLimits(memory_bytes=needed + (40 << 20))) as decoder:
        assert len(list(decoder.sample_frames(small_video, [0.0]))) == 1
        with pytest.raises(MediaError) as error:
            list(decoder.sample_frames(path, [0.0, 1.0]))
        assert error.value.reason == "memory limit exceeded"


def test_a_killed_child_is_replaced(small_video: Path) -> None:
    with GuardedDecoder() as decoder:
        decoder.probe(small_video)
        first = decoder.child_pid
        assert first is not None
        frames = decoder.sample_frames(small_video, np.tile(np.arange(0, 2, 0.1), 40))
        next(frames)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(MediaError, match="SIGKILL"):
            list(frames)
        assert decoder.probe(small_video).width_px == 96
        assert decoder.child_pid != first
        assert not is_alive(first)


def test_leaving_the_frames_early_ends_the_child(small_video: Path) -> None:
    with GuardedDecoder() as decoder:
        frames = decoder.sample_frames(small_video, np.arange(0, 2, 0.1))
        next(frames)
        with pytest.raises(RuntimeError, match="not all read"):
            decoder.probe(small_video)
        frames.close()  # type: ignore[attr-defined]
        assert decoder.child_pid is None
        assert decoder.probe(small_video).has_audio


def test_the_child_ends_with_its_parent(small_video: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from fer_assets.media.guarded import GuardedDecoder\n"
        "decoder = GuardedDecoder(); decoder.probe(Path(sys.argv[1]))\n"
        "print(decoder.child_pid, flush=True); os._exit(1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(small_video)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    pid = int(done.stdout)
    for _ in range(100):
        if not is_alive(pid):
            break
        time.sleep(0.1)
    assert not is_alive(pid)


def test_the_child_imports_nothing_heavy() -> None:
    code = (
        "import sys; import fer_assets.media.worker, fer_assets.media.frames\n"
        "import fer_assets.media.audio, fer_assets.media.probe\n"
        "print([m for m in ('torch', 'dagster', 'scipy', 'cv2', 'polars') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"
