"""Two runs, one result: everything random or order-dependent in torch is pinned for a while.

Belongs here: `pinned`. Does not belong here: seeds of data order and augmentation (explicit
generators, where they are drawn).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from fer_assets.compute.threads import cpu_threads


@contextmanager
def pinned(seed: int, device: str) -> Iterator[None]:
    """Fix torch's own generator, threads and algorithms inside the block; put them back after.

    On the CPU the same inputs then give the same bits, on one machine with one number of threads
    (sums are split among threads). On CUDA the generator is fixed, the algorithms are not: cuDNN
    tries them out and takes the fastest, and what is not bfloat16 may be TF32.
    """
    threads, was_deterministic = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
    )
    memory: Any = torch.utils.deterministic
    fills = memory.fill_uninitialized_memory
    tries, precision = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    is_cuda = device == "cuda"
    cuda = list(range(torch.cuda.device_count())) if is_cuda else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        torch.set_num_threads(cpu_threads())
        torch.use_deterministic_algorithms(not is_cuda)
        # Else every new tensor is filled with NaN first, which costs and only hunts bugs.
        memory.fill_uninitialized_memory = False
        if is_cuda:
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(was_deterministic)
            memory.fill_uninitialized_memory = fills
            torch.backends.cudnn.benchmark = tries
            torch.set_float32_matmul_precision(precision)
