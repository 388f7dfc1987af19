from __future__ import annotations

import subprocess
import sys

import pytest

from fer_assets.compute.device import DeviceError
from fer_assets.compute.torch_setup import import_torch, torch_device


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_timm_and_torchvision_import_and_work_after_it() -> None:
    code = """
from fer_assets.compute.torch_setup import import_torch
torch = import_torch()
assert import_torch() is torch
import timm, torchvision.transforms.v2
model = timm.create_model("mobilenetv2_100", num_classes=3).eval()
print(tuple(model(torch.zeros(1, 3, 64, 64)).shape))
"""
    assert _run(code) == "(1, 3)\n"


def test_nothing_is_defined_where_the_operators_are_there() -> None:
    code = """
import torch
native = torch.library.Library("torchvision", "DEF")
native.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from fer_assets.compute import torch_setup
torch_setup.import_torch()
print(torch_setup._libraries)
"""
    assert _run(code) == "[]\n"


def test_torch_uses_the_threads_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_THREADS", "1")
    assert import_torch().get_num_threads() == 1


def test_device_is_the_one_chosen_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = import_torch()
    assert torch_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="torch on cuda"):
        torch_device("cuda")
