"""Memory in which a network's input is put together, kept from call to call.

Belongs here: reusing it per thread, and page-locking it for a GPU. Does not belong here: filling it
and running the network.

Making a batch's memory anew costs more than filling it. A GPU reads page-locked ("pinned") memory
directly, while other work goes on; ordinary memory is first copied by the driver.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SHAPES_KEPT: Final = 8
_PORTABLE: Final = 1
"""CU_MEMHOSTREGISTER_PORTABLE: pinned for every context, whichever ONNX Runtime uses."""


class Staging(threading.local):
    """float32 arrays by shape, each thread its own; of many shapes the latest eight are kept.

    Args:
        is_pinned: page-lock them, where the CUDA driver lets this process do so.
    """

    def __init__(self, is_pinned: bool = False) -> None:
        self._is_pinned = is_pinned
        self._arrays: dict[tuple[int, ...], NDArray[np.float32]] = {}

    def array(self, *shape: int) -> NDArray[np.float32]:
        """The calling thread's array of this shape, with whatever was in it."""
        kept = self._arrays.pop(shape, None)
        if kept is None:
            if len(self._arrays) >= _SHAPES_KEPT:
                del self._arrays[next(iter(self._arrays))]
            kept = np.empty(shape, dtype=np.float32)
            if self._is_pinned:
                pin(kept)
        self._arrays[shape] = kept
        return kept


def pin(array: NDArray[Any]) -> bool:
    """Page-lock an array's memory until the array is gone.

    Returns:
        Whether it worked. Without a driver or a GPU, or where the system's limit on locked memory
        is reached, the array stays as it is: slower to copy, otherwise the same.
    """
    driver = _driver()
    if driver is None or not array.flags.c_contiguous or array.nbytes == 0:
        return False
    address = ctypes.c_void_p(array.ctypes.data)
    if driver.cuMemHostRegister_v2(address, ctypes.c_size_t(array.nbytes), _PORTABLE) != 0:
        return False
    weakref.finalize(array, _unpin, address).atexit = False
    return True


def _unpin(address: ctypes.c_void_p) -> None:
    """Let memory go that is about to be freed, on whichever thread that happens."""
    driver = _driver()
    if driver is not None:
        driver.cuMemHostUnregister(address)


def _driver() -> Any:
    """The CUDA driver, with the first GPU's context current on this thread; None without."""
    found = _context()
    if found is None:
        return None
    driver, context = found
    return driver if driver.cuCtxSetCurrent(context) == 0 else None


@lru_cache(maxsize=1)
def _context() -> tuple[Any, ctypes.c_void_p] | None:
    """The driver and the first GPU's primary context, which the CUDA runtime uses, too."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    gpu, context = ctypes.c_int(0), ctypes.c_void_p()
    is_there = (
        driver.cuInit(0) == 0
        and driver.cuDeviceGet(ctypes.byref(gpu), 0) == 0
        and driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), gpu) == 0
    )
    return (driver, context) if is_there else None
