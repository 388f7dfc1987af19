"""A root with a few faces and their tasks, written in milliseconds, and a page on it."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from starlette.testclient import TestClient

from fer_assets.challenges.vocabulary import EKMAN
from fer_assets.labels.allocation import AllocationSettings
from fer_assets.labels.page.answer_book import AnswerBook
from fer_assets.labels.page.board import Board
from fer_assets.labels.page.desk import Desk
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.tasks import TaskSettings, make_tasks
from fer_assets.lines.tiktokfer.names import FACE_CROPS, LABELLING_TASKS
from fer_assets.lines.tiktokfer.page_answers import book_path
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage import schemas
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS as CROPS

KEY = "faces"
SAD = {"is_face": "yes", "skin_tone": "III", "age_group": "adult", "gender": "man", "ekman": "sad"}
NO_FACE = {"is_face": "no"}

assert schemas


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def face_id(number: int) -> str:
    return f"{number // 6:016x}/{500 * (number % 6)}/500-400"


def silence() -> bytes:
    """A prompt's sound that says nothing: 0.1 s as WAV."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(3200))
    return sound.getvalue()


def make_root(folder: Path, n_faces: int = 24, wanted: int = 2) -> Workspace:
    workspace = open_workspace(folder)
    workspace.catalog.new(KEY, "Faces <to> label", EKMAN, sounds=dict.fromkeys(EKMAN, silence()))
    publish_crops(workspace, range(n_faces))
    publish_tasks(workspace, range(n_faces), wanted)
    return workspace


def publish_tasks(workspace: Workspace, faces: Sequence[int], wanted: int = 2) -> None:
    frame = pl.DataFrame(
        {
            "face_id": [face_id(i) for i in faces],
            "video_id": [face_id(i).split("/")[0] for i in faces],
            "identity_id": [f"person-{i // 6}" for i in faces],
            "is_duplicate": [False for _ in faces],
            "expression": ["sad" for _ in faces],
        }
    )
    settings = TaskSettings(answers_wanted=wanted)
    made = make_tasks(frame, questionnaire_of(workspace, KEY), settings)
    _publish(workspace, LABELLING_TASKS, {WHOLE: {"labelling_tasks": made}}, str(list(faces)))


def publish_crops(workspace: Workspace, faces: Sequence[int]) -> None:
    rows = [_crop(i) for i in faces]
    units = {
        video: {"face_crops": CROPS.frame([r for r in rows if r["video_id"] == video])}
        for video in sorted({str(r["video_id"]) for r in rows})
    }
    _publish(workspace, FACE_CROPS, units, str(list(faces)))


def picture(number: int) -> bytes:
    return encode_jpeg(np.full((224, 224, 3), 10 * (number % 25), np.uint8))


def _crop(number: int) -> dict[str, object]:
    name = face_id(number)
    video = name.split("/")[0]
    return {
        "face_id": name, "video_id": video, "clip_id": f"{video}/sad/0", "prompt_id": "sad",
        "expression": "sad", "timestamp_ms": 500 * (number % 6),
        "x0_px": 0.0, "y0_px": 0.0, "x1_px": 9.0, "y1_px": 9.0, "detection_score": 0.9,
        "landmarks_px": [0.0] * 10, "rotation_deg": 0, "face_px": 9.0, "sharpness": 1.0,
        "roll_deg": 0.0, "yaw_ratio": 0.0,
        "image": {"bytes": picture(number), "path": f"{number}.jpg"},
    }  # fmt: skip


def _publish(
    workspace: Workspace, asset: str, units: dict[str, dict[str, pl.DataFrame]], version: str
) -> None:
    build = Build(Place(asset, KEY), ASSET_TABLES[asset], code_version=1, confirms_removal=True)
    wanted = [Unit(key, {"faces": version}) for key in units]
    rebuild(workspace.store, build, wanted, lambda due: (Output(u.key, units[u.key]) for u in due))


def open_desk(
    workspace: Workspace, clock: Clock, settings: AllocationSettings | None = None
) -> Desk:
    questionnaire = questionnaire_of(workspace, KEY)
    place = Place(LABELLING_TASKS, KEY)
    board = Board(workspace.store, place, questionnaire.digest, clock)
    return Desk(AnswerBook(book_path(workspace, KEY), clock), board, questionnaire, settings)


@dataclass
class Browser:
    """A worker's browser without JavaScript: follows redirects, fills in the hidden fields."""

    client: TestClient
    questionnaire: Questionnaire
    page: str = ""
    seen: list[str] = field(default_factory=list)

    def enter(self, link: str) -> Browser:
        """Through the invitation to the first face."""
        first = self.client.get(link)
        assert first.status_code == 200, first.text
        assert self.client.post(link, data={"consent": "yes"}).status_code == 200
        return self.look()

    def look(self) -> Browser:
        response = self.client.get("/face")
        assert response.status_code == 200, response.text
        self.page = response.text
        return self

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        assert found, self.page
        return found.group(1)

    @property
    def form(self) -> dict[str, str]:
        """The own fields of the face's forms."""
        return {name: self.hidden(name) for name in ("csrf", "task", "attempt")}

    def post(self, path: str, **fields: str):
        """Send a form; the status that the browser gets, without following."""
        return self.client.post(path, data=fields, follow_redirects=False)

    def answer(self, **answers: str):
        response = self.post("/answer", **self.form, **answers)
        self.look()
        return response
