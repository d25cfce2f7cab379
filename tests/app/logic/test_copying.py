from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.logic import copying
from app.logic.copying import CopyFormat, copy_frames
from app.window.desktop import Desktop
from core.protocol.frames import Opcode
from tests.tools.recorded import CaptureMaker


def test_a_frame_too_long_for_the_clipboard_is_not_read(
    maker: CaptureMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "COPY_CHARS", 3000)
    peer = maker.peer()
    peer.say("short")
    peer.frame(Opcode.BINARY, bytes(1001))
    reader = maker.reader()
    assert copy_frames(reader, [1, 2], CopyFormat.HEX).text == "73 68 6f 72 74"
    assert copy_frames(reader, [2], CopyFormat.HEX).frames == 0
    assert copy_frames(reader, [2], CopyFormat.BASE64).frames == 1
    assert copy_frames(reader, [2, 1], CopyFormat.TEXT).frames == 2


def test_a_long_frame_is_copied_on_another_thread_or_said_to_be_too_long(
    desktop: Desktop, maker: CaptureMaker, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, text = desktop.window, "0123456789" * 30_000
    maker.peer().say(text)
    maker.recorder.flush()
    window.commands.open(maker.path)
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    window.frames.selectAll()
    QGuiApplication.clipboard().setText("before")
    window.actions_[ActionId.COPY_TEXT].trigger()
    assert QGuiApplication.clipboard().text() == "before"
    assert window.banner.text == "Copying 1 frame …"
    qtbot.waitUntil(lambda: window.banner.text == "Copied 1 frame.")
    assert QGuiApplication.clipboard().text() == text
    QGuiApplication.clipboard().setText("before")
    monkeypatch.setattr(copying, "COPY_CHARS", 200_000)
    window.actions_[ActionId.COPY_TEXT].trigger()
    qtbot.waitUntil(lambda: window.banner.text.startswith("Nothing was copied: the first frame holds more"))
    assert QGuiApplication.clipboard().text() == "before"
