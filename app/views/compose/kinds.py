"""What each kind of draft is called, and what its editor asks for."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.logic.compose import ComposeKind

_translate = QCoreApplication.translate


def kind_names() -> dict[ComposeKind, str]:
    """All kinds by name, in the order in which they are offered."""
    return {
        ComposeKind.TEXT: _translate("Composer", "Text"),
        ComposeKind.JSON: _translate("Composer", "JSON"),
        ComposeKind.HEX: _translate("Composer", "Binary: hex"),
        ComposeKind.BASE64: _translate("Composer", "Binary: Base64"),
        ComposeKind.FILE: _translate("Composer", "Binary: file"),
        ComposeKind.PING: _translate("Composer", "Ping"),
        ComposeKind.PONG: _translate("Composer", "Pong"),
        ComposeKind.CLOSE: _translate("Composer", "Close"),
        ComposeKind.RAW: _translate("Composer", "Raw frame"),
    }


def placeholder(kind: ComposeKind) -> str:
    """What an empty editor says; "" for a kind that is not written there."""
    placeholders = {
        ComposeKind.TEXT: _translate(
            "Composer", "Text to send; Ctrl+Enter sends, ↑ brings back what was sent"
        ),
        ComposeKind.JSON: _translate("Composer", 'JSON, checked while you type, such as {"type": "hello"}'),
        ComposeKind.HEX: _translate("Composer", "Pairs of hex digits, such as 48 65 6c 6c 6f"),
        ComposeKind.BASE64: _translate("Composer", "Base64, such as SGVsbG8="),
        ComposeKind.PING: _translate("Composer", "Payload of the ping, at most 125 bytes; may stay empty"),
        ComposeKind.PONG: _translate("Composer", "Payload of the pong, at most 125 bytes; may stay empty"),
    }
    return placeholders.get(kind, "")
