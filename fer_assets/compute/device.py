"""Which device the networks run on.

Belongs here: the choice between CPU and CUDA, and the check that CUDA is really there. Does not
belong here: opening sessions (`sessions.py`), Dagster's pools and queues (`defs/gpu.py`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from fer_assets.errors import FerError

Device = Literal["cpu", "cuda"]

PROVIDERS: Final[Mapping[Device, str]] = MappingProxyType(
    {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
)
"""The execution provider of ONNX Runtime that a session on each device has, or is not opened."""

DEVICE_VARIABLE = "FER_DEVICE"
CHOICES = ("auto", "cpu", "cuda")


class DeviceError(FerError):
    """A device was asked for that can't be had."""


def choose_device() -> Device:
    """Return the device to run on, from `FER_DEVICE` (``auto`` when unset).

    ``auto`` takes CUDA when the driver reports a GPU and ONNX Runtime has a CUDA provider, else
    the CPU. ``cuda`` never falls back. The check initialises the CUDA driver in this process, so
    a child that is to use CUDA must be spawned or come from a fork server, not be forked.

    Raises:
        DeviceError: ``cuda`` is demanded and absent.
        FerError: `FER_DEVICE` has another value.
    """
    demanded = os.environ.get(DEVICE_VARIABLE, "").strip().lower() or "auto"
    if demanded not in CHOICES:
        raise FerError(
            f"environment variable {DEVICE_VARIABLE}",
            expected=" or ".join(CHOICES),
            found=repr(demanded),
            remedy=f"Unset {DEVICE_VARIABLE} to take a GPU where there is one.",
        )
    if demanded == "cpu":
        return "cpu"
    obstacle = cuda_obstacle()
    if obstacle is None:
        return "cuda"
    if demanded == "cuda":
        raise DeviceError(
            f"device cuda ({DEVICE_VARIABLE}=cuda)",
            expected="a CUDA device",
            found=obstacle,
            remedy=f"Run on a machine with an NVIDIA GPU, or set {DEVICE_VARIABLE}=cpu.",
        )
    return "cpu"


def cuda_obstacle() -> str | None:
    """Say what keeps this process from CUDA, or None when nothing does."""
    if cuda_device_count() == 0:
        return "no GPU that the NVIDIA driver reports"
    import onnxruntime as ort

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "an ONNX Runtime without CUDA (onnxruntime in place of onnxruntime-gpu)"
    return None


def cuda_device_count() -> int:
    """Count the GPUs the driver shows this process; 0 without a driver.

    Asks the driver itself, since ONNX Runtime lists the CUDA provider on any machine it was
    built for. `CUDA_VISIBLE_DEVICES` is honoured by the driver.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
