"""The window probes a peer: it asks first, shows how each fault was taken, leads to the frames, and exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.probe.dialog import ProbeDialog
from app.dialogs.question import Question
from app.models.probe_results import ProbeColumn
from app.window.desktop import Desktop
from core.net.connect_request import ConnectRequest, parse_url
from core.net.settings import EngineSettings
from core.net.sources import Connect, Source
from core.probe.outcome import Outcome
from core.protocol.state import Role
from tests.tools.at_window import press, trigger
from tests.tools.served import Served


def opened(desktop: Desktop) -> ProbeDialog:
    trigger(desktop, ActionId.PROBE)
    dialog = desktop.window.probing.dialog
    assert dialog is not None
    assert dialog.isVisible()
    return dialog


def finished(desktop: Desktop, qtbot: QtBot) -> ProbeDialog:
    dialog = desktop.window.probing.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.stop.isHidden())
    return dialog


def cell(dialog: ProbeDialog, row: int, column: ProbeColumn) -> str:
    model = dialog.table.model()
    return str(model.data(model.index(row, column)))


def test_a_server_is_probed_and_each_row_leads_to_its_frame(
    desktop: Desktop, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = opened(desktop)
    assert not dialog.markdown.isEnabled()
    with Served(tmp_path / "peer.unmask", EngineSettings()) as peer:
        dialog.url.setText(peer.url)
        dialog.only.setText("rsv")
        dialog.start.click()
        assert dialog.start.isHidden()
        finished(desktop, qtbot)
    assert [cell(dialog, row, ProbeColumn.PRESET) for row in range(5)] == [
        *("rsv1-set", "rsv2-set", "rsv3-set"),
        *("rsv1-on-continuation", "rsv1-on-control"),
    ]
    assert cell(dialog, 1, ProbeColumn.SAID) == "closed with 1002"
    assert desktop.window.composer.targets.target is None
    assert "none against the RFC" in dialog.status.text()
    dialog.findings.setChecked(True)
    assert dialog.table.model().rowCount() == 0
    dialog.findings.setChecked(False)
    dialog.table.selectRow(1)
    dialog.show_it.click()
    window = desktop.window
    frame = window.frames.current_frame
    assert frame is not None
    report = dialog.report
    assert report is not None
    assert frame == report.results[1].frame
    window.probing.write(tmp_path / "report.json", "json")
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["findings"] == 0
    window.probing.write(tmp_path / "report.md", "markdown")
    assert (tmp_path / "report.md").read_text("utf-8").startswith("# Probe of the server")
    window.probing.write(tmp_path / "missing" / "report.md", "markdown")
    assert "cannot be written" in dialog.status.text()


def test_the_server_of_the_selected_connection_is_probed_with_its_headers(
    desktop: Desktop, qtbot: QtBot, tmp_path: Path
) -> None:
    window = desktop.window
    with Served(tmp_path / "peer.unmask", EngineSettings()) as peer:
        request = ConnectRequest(parse_url(f"{peer.url}/chat"), headers=(("X-Who", "Ada"),))
        desktop.engine.start_source(Source(5, "peer", Connect(request)))
        qtbot.waitUntil(lambda: window.connection_model.open_ids == (1,))
        window.connections.choose(1)
        dialog = opened(desktop)
        assert dialog.url.text() == f"{peer.url}/chat"
        dialog.only.setText("key-missing")
        dialog.start.click()
        finished(desktop, qtbot)
        report = dialog.report
        assert report is not None
        assert [(each.outcome, each.code) for each in report.results] == [(Outcome.REFUSED, 400)]
        dialog.table.selectRow(0)
        dialog.show_it.click()
        assert window.connections.chosen_connection == report.results[0].connection
        assert window.tabs.current_tab() == "handshake"
        heads = peer.reader.heads(3)
        assert b"X-Who: Ada" in heads[0].raw


def test_a_client_is_told_where_to_come(desktop: Desktop, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = opened(desktop)
    dialog.peers.setCurrentIndex(dialog.peers.findData(Role.SERVER))
    assert dialog.side() is Role.SERVER
    dialog.only.setText("mask-forbidden")
    dialog.start.click()
    qtbot.waitUntil(lambda: "Point the client at ws://" in dialog.status.text())
    url = dialog.status.text().split()[4].rstrip(".")
    with Served(tmp_path / "client.unmask", EngineSettings()) as client:
        client.host.connect(ConnectRequest(parse_url(url)))
        finished(desktop, qtbot)
    report = dialog.report
    assert report is not None
    assert [result.outcome for result in report.results] == [Outcome.CLOSED]


def test_another_machine_is_asked_about_first(desktop: Desktop) -> None:
    dialog = opened(desktop)
    dialog.url.setText("ws://probe.example/")
    dialog.start.click()
    (question,) = dialog.findChildren(Question)
    assert question.text() == "Probe ws://probe.example/?"
    question.button(QMessageBox.StandardButton.Cancel).click()
    assert not dialog.start.isHidden()
    assert dialog.report is None


def test_a_probe_can_be_stopped_and_ends_with_its_dialog(
    desktop: Desktop, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = opened(desktop)
    with Served(tmp_path / "peer.unmask", EngineSettings()) as peer:
        dialog.url.setText(peer.url)
        dialog.start.click()
        dialog.stop.click()
        assert "It was stopped." in dialog.status.text()
        dialog.start.click()
        press(dialog, "Close")
        assert finished(desktop, qtbot).isHidden()


@pytest.mark.parametrize(
    ("url", "only", "sentence"),
    [
        ("", "", "is no URL"),
        ("ws://127.0.0.1:9/", "nothing-such", "No preset has “nothing-such” in its name."),
    ],
)
def test_what_is_wrong_with_the_boxes_is_said(desktop: Desktop, url: str, only: str, sentence: str) -> None:
    dialog = opened(desktop)
    dialog.url.setText(url)
    dialog.only.setText(only)
    dialog.start.click()
    assert sentence in dialog.status.text()


def test_nothing_is_probed_while_nothing_is_recorded(desktop: Desktop) -> None:
    desktop.window.actions_[ActionId.RECORD].setChecked(False)
    dialog = opened(desktop)
    dialog.url.setText("ws://127.0.0.1:9/")
    dialog.start.click()
    assert "switch Record on" in dialog.status.text()


def test_a_server_that_is_not_there_is_said(desktop: Desktop, qtbot: QtBot) -> None:
    dialog = opened(desktop)
    dialog.url.setText("ws://127.0.0.1:9/")
    dialog.only.setText("rsv1-set")
    dialog.start.click()
    finished(desktop, qtbot)
    assert "can't be reached" in dialog.status.text()
