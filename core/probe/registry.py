"""All presets, and the rules that nobody can break by what he sends."""

from __future__ import annotations

from core.probe.preset import Preset
from core.probe.presets.compression import COMPRESSION
from core.probe.presets.frames import FRAMES
from core.probe.presets.heads import REQUEST_HEADS, RESPONSE_HEADS
from core.probe.presets.requests import REQUESTS
from core.probe.presets.responses import RESPONSES
from core.probe.presets.unusual import UNUSUAL
from core.protocol.state import Role

PRESETS: tuple[Preset, ...] = (
    *(*UNUSUAL, *FRAMES, *COMPRESSION),
    *(*REQUESTS, *REQUEST_HEADS),
    *(*RESPONSES, *RESPONSE_HEADS),
)

UNBREAKABLE = frozenset(("memory-exhausted", "not-stored", "not-held", "not-inflated"))
"""Limits of Unmask itself."""


def presets_of(sender: Role) -> tuple[Preset, ...]:
    """The presets whose faults this side can make."""
    return tuple(preset for preset in PRESETS if sender in preset.senders)
