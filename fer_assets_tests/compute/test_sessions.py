from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_assets.compute.device import DeviceError, cuda_device_count
from fer_assets.compute.sessions import open_session, session_options

from .tiny_network import tiny_network


@pytest.mark.parametrize("is_file", [False, True])
def test_session_runs_a_model_from_bytes_or_a_file(is_file: bool, tmp_path: Path) -> None:
    file = tmp_path / "tiny.onnx"
    file.write_bytes(tiny_network())
    session = open_session(file if is_file else tiny_network(), "cpu")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    doubled, mean = session.run(None, {"x": x})
    np.testing.assert_array_equal(doubled, 2 * x + 1)
    np.testing.assert_array_equal(mean, [[1.0], [4.0]])
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_threads_are_those_of_the_setting_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_THREADS", "3")
    session = open_session(tiny_network(), "cpu")
    assert session.get_session_options().intra_op_num_threads == 3
    session = open_session(tiny_network(), "cpu", threads=1)
    assert session.get_session_options().intra_op_num_threads == 1


def test_threads_do_not_spin() -> None:
    options = session_options(2)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.use_deterministic_compute


@pytest.mark.skipif(cuda_device_count() > 0, reason="there is a GPU to open the session on")
def test_cuda_that_is_not_there_is_an_error_not_a_fall_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(DeviceError, match="expected CUDAExecutionProvider"):
        open_session(tiny_network(), "cuda")
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(cuda_device_count() == 0, reason="no GPU")
def test_cuda_session_runs_on_cuda() -> None:
    session = open_session(tiny_network(), "cuda")
    assert session.get_providers()[0] == "CUDAExecutionProvider"
    (doubled, _) = session.run(None, {"x": np.ones((1, 3), np.float32)})
    np.testing.assert_array_equal(doubled, [[3.0, 3.0, 3.0]])
