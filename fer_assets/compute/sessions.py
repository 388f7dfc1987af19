"""ONNX Runtime sessions, opened one way.

Belongs here: providers, threads and session options. Does not belong here: where a model comes
from (`weights/`), what its inputs mean (the stage that runs it).
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import onnxruntime as ort

from fer_assets.compute.device import PROVIDERS, Device, DeviceError
from fer_assets.compute.threads import cpu_threads

_LOG_ERRORS_ONLY = 3

# Exhaustive search picks convolution algorithms by timing them, so two runs may differ in the
# last bits; TF32 would drop mantissa bits that the CPU keeps.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


def open_session(
    model: bytes | Path, device: Device, threads: int | None = None
) -> ort.InferenceSession:
    """Open a model on exactly the device asked for.

    Args:
        model: the serialised ONNX graph, or the path of one.
        device: where to run; nothing falls back to another device.
        threads: CPU threads of this session; None takes `cpu_threads()`.

    Raises:
        DeviceError: CUDA was asked for and ONNX Runtime did not take it (it would go on, on the
            CPU, without a word).
    """
    obstacles = _preload_cuda() if device == "cuda" else ""
    session = ort.InferenceSession(
        model if isinstance(model, bytes) else str(model),
        sess_options=session_options(threads or cpu_threads()),
        providers=_providers(device),
    )
    wanted = PROVIDERS[device]
    got = session.get_providers()
    if not got or got[0] != wanted:
        raise DeviceError(
            f"ONNX Runtime session on {device}",
            expected=wanted,
            found="; ".join([", ".join(got) or "no provider", *obstacles.splitlines()[:1]]),
            remedy="Install the CUDA and cuDNN libraries that this onnxruntime-gpu was built for, "
            "or set FER_DEVICE=cpu.",
        )
    return session


def session_options(threads: int) -> ort.SessionOptions:
    """Options that make a session repeatable and polite to its neighbours."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _LOG_ERRORS_ONLY
    # Spinning threads of one session starve those of another (2.5 times slower on two cores).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _preload_cuda() -> str:
    """Load the CUDA libraries that come as Python packages, which no loader path names.

    Returns:
        What ONNX Runtime prints about libraries it does not find, which matters only if the
        provider then fails (they may also be on the system's own path).
    """
    if not hasattr(ort, "preload_dlls"):
        return ""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        ort.preload_dlls()
    return printed.getvalue()


def _providers(device: Device) -> list[Any]:
    """Name the providers of a device, in order of preference."""
    if device == "cpu":
        return [PROVIDERS["cpu"]]
    return [(PROVIDERS["cuda"], dict(_CUDA_OPTIONS)), PROVIDERS["cpu"]]
