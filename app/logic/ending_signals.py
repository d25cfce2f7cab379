"""The signals that ask the program to end."""

from __future__ import annotations

import signal


def ending_signals() -> tuple[int, ...]:
    """Signals that ask a program to end; without SIGHUP if it is ignored, as under `nohup`."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, hangup)
