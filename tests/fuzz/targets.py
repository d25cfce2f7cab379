"""The targets by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

CORPUS = Path(__file__).with_name("corpus")

LENGTHS = {
    "head": 320,
    "frames": 192,
    "connection": 192,
    "capture": 96,
    "tls": 900,
    "rules": 512,
    "template": 160,
    "passage": 192,
    "records": 400,
}
"""Every target, and how many bytes it is given at most."""

_ELSEWHERE = (
    "handshake",
    "handshake_rules",
    "headers",
    "http11",
    "extensions",
    "violations",
    "frames",
    "deflate",
)
UNWATCHED = {"connection": tuple(f"core.protocol.{name}" for name in _ELSEWHERE)}
"""Modules whose coverage guides nothing: other targets are for them, and watching them takes time."""


def load(name: str) -> Callable[[bytes], None]:
    """The target itself. Imported late, so that its imports can be watched."""
    return cast(Callable[[bytes], None], import_module(f"tests.fuzz.{name}").run)


def corpus(name: str) -> dict[str, bytes]:
    """The seeds of a target, by file name."""
    return {file.name: file.read_bytes() for file in sorted((CORPUS / name).glob("*.bin"))}
