"""One colour for each field of a frame, the same in the bit diagram, in the table and in the bytes."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app.theme import Role, Theme
from core.protocol.anatomy import Part

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
