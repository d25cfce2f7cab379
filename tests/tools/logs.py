"""Fails a test on log records it did not expect, and on expected ones that never came."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable


class LogWatch(logging.Handler):
    """Keeps every record of WARNING and above, from any thread, until it is asked for a verdict."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.name} {record.levelname}: {record.getMessage()}"
        if record.exc_info:
            line += "\n" + logging.Formatter().formatException(record.exc_info)
        self._lines.append(line)

    def complaints(self, expected: Iterable[str]) -> list[str]:
        """Sentences on records that match none of the patterns `expected`, and on patterns that nothing matched."""
        patterns = list(expected)
        unexpected = [
            line for line in self._lines if not any(re.search(pattern, line) for pattern in patterns)
        ]
        unseen = [
            pattern for pattern in patterns if not any(re.search(pattern, line) for line in self._lines)
        ]
        return [f"unexpected log record: {line}" for line in unexpected] + [
            f"expected a log record that matches {pattern!r}; there was none" for pattern in unseen
        ]
