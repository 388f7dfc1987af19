"""Where GPU-bound assets run: the one place for the pool and the executors' tags.

Belongs here: pool, Celery queue, Kubernetes resources. Does not belong here: choosing a device
inside a step (`compute/device.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

CUDA_POOL: Final = "cuda"


def gpu_op_tags() -> Mapping[str, Any]:
    """Tags that bring a step to a machine with a GPU, whichever executor is in use."""
    gpus = os.environ.get("FER_K8S_GPUS", "1")
    return {
        "dagster-celery/queue": CUDA_POOL,
        "dagster-k8s/config": {
            "container_config": {"resources": {"limits": {"nvidia.com/gpu": gpus}}}
        },
    }
