from __future__ import annotations

import pytest

from fer_assets.compute import device
from fer_assets.compute.device import DeviceError, choose_device, cuda_device_count
from fer_assets.errors import FerError


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FER_DEVICE", raising=False)


def _pretend_gpus(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    monkeypatch.setattr(device, "cuda_device_count", lambda: n)


@pytest.mark.parametrize(
    ("demanded", "n_gpus", "chosen"),
    [
        (None, 0, "cpu"),
        ("auto", 0, "cpu"),
        ("", 1, "cuda"),
        ("auto", 1, "cuda"),
        ("CPU", 1, "cpu"),
        (" cuda ", 2, "cuda"),
    ],
)
def test_choice_follows_the_demand_and_what_there_is(
    demanded: str | None, n_gpus: int, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime as ort

    _pretend_gpus(monkeypatch, n_gpus)
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    if demanded is not None:
        monkeypatch.setenv("FER_DEVICE", demanded)
    assert choose_device() == chosen


def test_cuda_that_is_demanded_never_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend_gpus(monkeypatch, 0)
    monkeypatch.setenv("FER_DEVICE", "cuda")
    with pytest.raises(DeviceError, match="FER_DEVICE=cpu"):
        choose_device()


def test_onnxruntime_without_cuda_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime as ort

    _pretend_gpus(monkeypatch, 1)
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert choose_device() == "cpu"
    monkeypatch.setenv("FER_DEVICE", "cuda")
    with pytest.raises(DeviceError, match="onnxruntime-gpu"):
        choose_device()


def test_unknown_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_DEVICE", "gpu")
    with pytest.raises(FerError, match="auto or cpu or cuda"):
        choose_device()


def test_count_agrees_with_torch() -> None:
    import torch

    if torch.version.cuda is None:
        assert cuda_device_count() >= 0 == torch.cuda.device_count()
    else:
        assert cuda_device_count() == torch.cuda.device_count()
