"""The fields of a frame in the views: their colours, and their bytes."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app.look.theme import Theme, ThemeRole
from core.protocol.anatomy import FrameField, Part

_ROLES: dict[Part, ThemeRole] = {
    Part.FIN: ThemeRole.FIELD_1,
    Part.RSV1: ThemeRole.FIELD_2,
    Part.RSV2: ThemeRole.FIELD_2,
    Part.RSV3: ThemeRole.FIELD_2,
    Part.OPCODE: ThemeRole.FIELD_3,
    Part.MASK: ThemeRole.FIELD_5,
    Part.LENGTH: ThemeRole.FIELD_4,
    Part.EXTENDED_LENGTH: ThemeRole.FIELD_4,
    Part.MASKING_KEY: ThemeRole.FIELD_5,
    Part.CLOSE_CODE: ThemeRole.FIELD_2,
    Part.CLOSE_REASON: ThemeRole.FIELD_6,
    Part.PAYLOAD: ThemeRole.FIELD_6,
}


def part_color(theme: Theme, part: Part) -> QColor:
    """The background of a field."""
    return theme.color(_ROLES[part])


def field_of(fields: tuple[FrameField, ...], offset: int) -> FrameField | None:
    """The field that has most of the bits of byte `offset`."""

    def share(field: FrameField) -> int:
        return min(field.bit_offset + field.bit_length, 8 * offset + 8) - max(field.bit_offset, 8 * offset)

    best = max(fields, key=share, default=None)
    return best if best is not None and share(best) > 0 else None


def part_range(fields: tuple[FrameField, ...], part: Part) -> range:
    """Offsets of the bytes that a field touches."""
    return next((range(f.first_byte, f.end_byte) for f in fields if f.part is part), range(0))
