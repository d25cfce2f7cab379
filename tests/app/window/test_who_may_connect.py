"""Origins in the window: shown, refused, and let in by a click."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.settings_dialog import SettingsDialog
from app.settings import Settings
from app.window.desktop import Desktop
from core.protocol.handshake import client_request
from core.protocol.outgoing import OutgoingPing
from tests.tools.raw_peer import KEY, RawPeer

EVIL = "https://evil.test"


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def in_force(desktop: Desktop, qtbot: QtBot) -> None:
    """What the engine is asked is done in order: when this is answered, all before is done."""
    with qtbot.waitSignal(desktop.engine.sent):
        desktop.engine.send_to_all(OutgoingPing())


def status(address: str, origin: str | None, host: str = "localhost") -> int:
    with RawPeer(port_of(address)) as peer:
        peer.send(client_request(host, "/from", KEY, origin=origin))
        return int(peer.head().split()[1])


def test_origin_is_shown_on_every_connection(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    window = desktop.window
    model = window.connection_model
    with RawPeer(port_of(address)) as one, RawPeer(port_of(address)) as two:
        one.send(client_request("localhost", "/one", KEY, origin="https://a.test"))
        two.send(client_request("localhost", "/two", KEY))
        qtbot.waitUntil(lambda: model.open_count == 2)
    tips = [str(model.data(model.index(row), Qt.ItemDataRole.ToolTipRole)) for row in (1, 2)]
    details = [str(model.data(model.index(row), Qt.ItemDataRole.AccessibleDescriptionRole)) for row in (1, 2)]
    assert sum("Origin https://a.test" in tip for tip in tips) == sum("no Origin" in tip for tip in tips) == 1
    assert sum("https://a.test" in detail for detail in details) == 1
    window.connections.choose(1 if "a.test" in tips[0] else 2)
    window.tabs.set_current_tab("handshake")
    assert "origin https://a.test" in window.tabs.handshake.facts.text()


def test_one_click_refuses_and_another_lets_in(
    desktop: Desktop, address: str, settings: Settings, qtbot: QtBot
) -> None:
    window = desktop.window
    only, allow = window.actions_[ActionId.ONLY_ORIGINS], window.actions_[ActionId.ALLOW_ORIGIN]
    only.trigger()
    assert "no web page may connect" in window.banner.text
    in_force(desktop, qtbot)
    assert [status(address, origin) for origin in (EVIL, None)] == [403, 101]
    qtbot.waitUntil(lambda: window.connection_model.rowCount() == 3)
    window.connections.choose(1)
    line = window.connection_model.line(1)
    assert line is not None
    assert line.detail == f"refused, 403 · {EVIL}"
    allow.trigger()
    assert EVIL in window.banner.text
    in_force(desktop, qtbot)
    assert [status(address, origin) for origin in (EVIL, "https://other.test")] == [101, 403]
    before = settings.engine
    assert before.allowed_origins == (EVIL,)
    only.trigger()
    in_force(desktop, qtbot)
    assert status(address, "https://other.test") == 101
    assert settings.engine == replace(before, allowed_origins=None)
    assert settings.origins == (EVIL,)


def test_allowing_where_all_may_only_lists(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    window = desktop.window
    window.actions_[ActionId.ALLOW_ORIGIN].trigger()
    assert "No connection with an Origin" in window.banner.text
    assert status(address, EVIL) == 101
    qtbot.waitUntil(lambda: window.connection_model.rowCount() == 2)
    window.connections.choose(1)
    window.actions_[ActionId.ALLOW_ORIGIN].trigger()
    assert "All may at present" in window.banner.text
    [edit] = [button for button in window.banner.findChildren(QPushButton) if button.text() == "&Edit…"]
    edit.click()
    [dialog] = window.findChildren(SettingsDialog)
    assert dialog._origins.toPlainText() == EVIL
    dialog.reject()


def test_the_list_is_edited_in_the_settings(
    desktop: Desktop, address: str, settings: Settings, qtbot: QtBot
) -> None:
    window = desktop.window
    window.actions_[ActionId.SETTINGS].trigger()
    [dialog] = window.findChildren(SettingsDialog)
    dialog._origins.setPlainText("https://A.test/\nnot one")
    dialog.accept()
    assert "“not” is no origin" in dialog._problem.text()
    dialog._origins.setPlainText("https://A.test/\nnull\nhttps://a.test")
    dialog._only_origins.setChecked(True)
    dialog._hosts.setText("me.test, you.test")
    dialog.accept()
    assert window.actions_[ActionId.ONLY_ORIGINS].isChecked()
    engine = settings.engine
    assert engine.allowed_origins == ("https://a.test", "null")
    assert engine.extra_hosts == ("me.test", "you.test")
    in_force(desktop, qtbot)
    assert [status(address, origin) for origin in ("https://a.test", "null", EVIL)] == [101, 101, 403]
    assert [status(address, None, host) for host in ("me.test:1", "them.test")] == [101, 403]


@pytest.mark.parametrize("stored", [["nonsense", "https://ok.test"], "https://ok.test"])
def test_what_is_remembered_is_checked(settings: Settings, stored: object) -> None:
    settings._store.setValue("peers/origins", stored)
    settings._store.setValue("peers/only_origins", True)
    settings._store.setValue("peers/hosts", ["a b"])
    assert settings.engine.allowed_origins == ("https://ok.test",)
    assert settings.engine.extra_hosts == ()
