"""The number of files and sockets that this process may have open, and how close it is.

The event loop does not report a lack of descriptors: it accepts a connection and closes it at once. So the last
descriptors are reserved for the capture and for the person's actions, and connections that would take them are turned
away. The loop accepts all waiting connections before any of them is seen, so the number that may wait is at most the
number reserved.
"""

from __future__ import annotations

import sys

if sys.platform != "win32":
    import resource

_WANTED = 65_536
_MOST_KEPT = 1408
_MOST_WAITING = 1024
_MOST_LINGERING = 64


def raise_limit() -> None:
    """Let this process have as many descriptors as the system allows, within reason: the usual 1024 are soon in use."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            # macOS allows fewer than it reports.
            return


def limit() -> int | None:
    """How many descriptors may be open; None if there is no limit."""
    if sys.platform == "win32":
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def kept_back(most: int) -> int:
    """How many of `most` descriptors are reserved for other things than connections."""
    return min(_MOST_KEPT, most // 4)


def is_kept_back(descriptor: int) -> bool:
    """Whether a new descriptor is a reserved one. The system gives out the lowest free number."""
    most = limit()
    return most is not None and descriptor >= most - kept_back(most)


def waiting() -> int:
    """How many connections may wait to be accepted."""
    most = limit()
    return _MOST_WAITING if most is None else max(1, min(_MOST_WAITING, kept_back(most) * 3 // 4))


def lingering() -> int:
    """How many connections that were turned away may linger."""
    most = limit()
    return _MOST_LINGERING if most is None else max(1, min(_MOST_LINGERING, kept_back(most) // 8))
