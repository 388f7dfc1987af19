"""The executor, a setting: `FER_EXECUTOR` is in_process, multiprocess, celery or k8s.

Belongs here: building the chosen one. Does not belong here: where GPU-bound steps go (`gpu.py`).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, Final

import dagster as dg

from fer_assets.errors import FerError

EXECUTORS: Final = ("in_process", "multiprocess", "celery", "k8s")
_PRELOADED: Final = ["fer_assets.defs.assets", "polars", "numpy"]


def build_executor() -> dg.ExecutorDefinition:
    """The executor that `FER_EXECUTOR` names; in_process by default.

    Raises:
        FerError: there is no such executor, or its package is not installed.
    """
    name = os.environ.get("FER_EXECUTOR", "in_process")
    builders: dict[str, Callable[[], Any]] = {
        "in_process": lambda: dg.in_process_executor,
        "multiprocess": _multiprocess,
        "celery": lambda: _optional("dagster_celery", "celery_executor", "celery"),
        "k8s": lambda: _optional("dagster_k8s", "k8s_job_executor", "k8s"),
    }
    if name not in builders:
        raise FerError("FER_EXECUTOR", expected=f"one of {', '.join(EXECUTORS)}", found=repr(name))
    executor = builders[name]()
    if not isinstance(executor, dg.ExecutorDefinition):
        raise TypeError(f"{name} is no executor definition")
    return executor


def _multiprocess() -> dg.ExecutorDefinition:
    """Forkserver with the imports done once: a further step costs half of a spawned one."""
    return dg.multiprocess_executor.configured(
        {
            "start_method": {"forkserver": {"preload_modules": _PRELOADED}},
            "max_concurrent": int(os.environ.get("FER_MAX_CONCURRENT_STEPS", "2")),
        }
    )


def _optional(module: str, attribute: str, extra: str) -> Any:
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise FerError(
            f"FER_EXECUTOR={extra}",
            expected=f"the package {module}",
            found="not installed",
            remedy=f"pip install 'fer-assets[{extra}]'",
        ) from error
