"""The fields of a frame in the views: one colour for each, and which bytes belong to it."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app.look.theme import Role, Theme
from core.protocol.anatomy import Field, Part

_ROLES: dict[Part, Role] = {
    Part.FIN: Role.FIELD_1,
    Part.RSV1: Role.FIELD_2,
    Part.RSV2: Role.FIELD_2,
    Part.RSV3: Role.FIELD_2,
    Part.OPCODE: Role.FIELD_3,
    Part.MASK: Role.FIELD_5,
    Part.LENGTH: Role.FIELD_4,
    Part.EXTENDED_LENGTH: Role.FIELD_4,
    Part.MASKING_KEY: Role.FIELD_5,
    Part.CLOSE_CODE: Role.FIELD_2,
    Part.CLOSE_REASON: Role.FIELD_6,
    Part.PAYLOAD: Role.FIELD_6,
}


def part_color(theme: Theme, part: Part) -> QColor:
    """The background of a field."""
    return theme.color(_ROLES[part])


def field_of(fields: tuple[Field, ...], offset: int) -> Field | None:
    """The field that has most of the bits of byte `offset`."""

    def share(field: Field) -> int:
        return min(field.bit_offset + field.bit_length, 8 * offset + 8) - max(field.bit_offset, 8 * offset)

    best = max(fields, key=share, default=None)
    return best if best is not None and share(best) > 0 else None


def part_range(fields: tuple[Field, ...], part: Part) -> range:
    """The offsets of the bytes that a field touches."""
    return next((range(f.first_byte, f.end_byte) for f in fields if f.part is part), range(0))
