"""The machine's memory, and the default share of it for peers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MIB = 1024 * 1024
SHARE = 8
"""One eighth."""
LEAST_DEFAULT = 256 * MIB
_CONTROL_GROUP = Path("/sys/fs/cgroup/memory.max")


def default_memory_bytes() -> int:
    """A share of the machine's memory in whole MiB, at least LEAST_DEFAULT."""
    return max(_memory_bytes() // SHARE // MIB * MIB, LEAST_DEFAULT)


def _memory_bytes() -> int:
    """Memory that we may use, limited by the machine or by a control group; 0 if unknown."""
    physical = _physical_bytes()
    try:
        return min(physical, int(_CONTROL_GROUP.read_text("ascii")))
    except (OSError, ValueError):
        # The file is missing, or says "max".
        return physical


if sys.platform == "win32":
    import ctypes

    def _physical_bytes() -> int:
        kib = ctypes.c_ulonglong()
        known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kib))
        return kib.value * 1024 if known else 0

else:

    def _physical_bytes() -> int:
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (ValueError, OSError):
            return 0
