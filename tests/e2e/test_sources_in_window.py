"""Sources through the real window: added by their forms, started and stopped, chosen, remembered."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLineEdit, QMessageBox
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

from app.actions.registry import ActionId
from app.dialogs.sources.connect_form import ConnectForm
from app.dialogs.sources.proxy_form import ProxyForm
from app.dialogs.sources.relay_form import RelayForm
from app.logic.filter_mode import FilterMode
from app.logic.source_lines import SourceLine, SourceState
from core.capture.records import Mode
from tests.tools.person import Person, SitDown

_D = TypeVar("_D", bound=QDialog)


def _echo(peer: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            peer.send(peer.recv())


@pytest.fixture
def echo() -> Iterator[Server]:
    """A server that sends back what it gets."""
    with serve(_echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url_of(server: Server) -> str:
    return f"ws://127.0.0.1:{server.socket.getsockname()[1]}"


def form(person: Person, action: ActionId, kind: type[_D]) -> _D:
    """Opens the form of a new source."""
    person.do(action)
    person.until(lambda: isinstance(person.question(), kind), "the form is open")
    dialog = person.question()
    assert isinstance(dialog, kind)
    return dialog


def write(field: QLineEdit, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)


def line(person: Person, name: str) -> SourceLine:
    return next(line for line in person.window.source_model.lines if line.name == name)


def wait_until_running(person: Person, name: str) -> SourceLine:
    def is_running() -> bool:
        lines = person.window.source_model.lines
        return any(each.name == name and each.state is SourceState.RUNNING for each in lines)

    person.until(is_running, f"{name} runs")
    return line(person, name)


def add_relay(person: Person, target: str, name: str) -> SourceLine:
    """By its form, with the keyboard."""
    asked = form(person, ActionId.ADD_RELAY, RelayForm)
    write(asked.target.edit, target)
    write(asked.address.edit, "127.0.0.1:0")
    assert asked._name is not None
    write(asked._name.edit, name)
    QTest.keyClick(asked._name.edit, Qt.Key.Key_Return)
    return wait_until_running(person, name)


def choose(person: Person, name: str | None) -> None:
    """Clicks a source."""
    sources = person.window.source_pane.list
    row = 0 if name is None else person.window.source_model.row_of(line(person, name).id)
    index = person.window.source_model.index(row)
    sources.scrollTo(index)
    QTest.mouseClick(sources.viewport(), Qt.MouseButton.LeftButton, pos=sources.visualRect(index).center())


def test_a_relay_is_added_and_shows_its_connections_only(person: Person, echo: Server) -> None:
    relay = add_relay(person, url_of(echo), "the server")
    assert relay.target == url_of(echo)
    with connect(f"ws://{relay.address}/through"), connect(person.url + "/direct"):
        person.until(lambda: len(person.connections()) == 2, "both are in the list")
        person.until(lambda: line(person, "the server").open_connections == 1, "it counts them")
        choose(person, "the server")
        person.until(lambda: len(person.connections()) == 1, "one is in the list")
        assert person.connections()[0].startswith("/through open")
        assert person.window._connections_page.notes() == ("Only the server",)
        person.do(ActionId.ALL_SOURCES)
        person.until(lambda: len(person.connections()) == 2, "both are again")
        assert person.window._connections_page.notes() == ()


def test_frames_of_other_sources_are_left_out_too(person: Person, echo: Server) -> None:
    relay = add_relay(person, url_of(echo), "the server")
    with connect(f"ws://{relay.address}/") as through, connect(person.url) as direct:
        direct.send("direct")
        through.send("through")
        assert through.recv() == "through"
        person.wait_for_rows(3)
        choose(person, "the server")
        person.until(lambda: len(person.rows()) == 2, "two are left")
        assert {payload for _, _, payload in person.rows()} == {"through"}
        choose(person, None)
        person.wait_for_rows(3)


def test_find_marks_among_the_frames_of_the_source_alone(person: Person, echo: Server) -> None:
    relay = add_relay(person, url_of(echo), "the server")
    filtering, table = person.window.filtering, person.window.frames
    with connect(f"ws://{relay.address}/") as through, connect(person.url) as direct:
        direct.send("direct apple")
        for text in ("apple", "pear"):
            through.send(text)
            assert through.recv() == text
        person.wait_for_rows(5)
        choose(person, "the server")
        filtering.set_mode(FilterMode.MARK)
        filtering.apply("apple")
        person.until(lambda: len(person.rows()) == 4, "the frames of the source are left")
        assert [payload for _, _, payload in person.rows()] == ["apple", "apple", "pear", "pear"]
        person.do(ActionId.NEXT_HIT)
        person.until(lambda: table.current_frame is not None, "the first hit is gone to")
        person.until(lambda: person.window.filter_bar.status.text() == "hit 1 of 2", "it is counted")
        assert table.current_frame == 2
        through.send("apple pie")
        assert through.recv() == "apple pie"
        person.wait_for_rows(6)
        person.until(lambda: len(filtering.found or ()) == 4, "later ones are found too")
        narrowing = filtering.narrowing
        assert narrowing is not None
        assert narrowing.texts == ('source == "the server"',)
        filtering.clear()
        person.until(lambda: len(person.rows()) == 6, "still only the source's")
        choose(person, None)
        person.wait_for_rows(7)


def test_a_form_says_what_is_wrong_where_it_is_wrong(person: Person) -> None:
    asked = form(person, ActionId.ADD_RELAY, RelayForm)
    write(asked.address.edit, "127.0.0.1:99999")
    assert "“99999” is no port" in asked.address.note.text()
    write(asked.address.edit, "0.0.0.0:9000")
    assert "Others can reach this address" in asked.address.note.text()
    QTest.keyClick(asked.address.edit, Qt.Key.Key_Return)
    assert "is no URL to connect to" in asked.target.note.text()
    assert asked.isVisible()
    assert asked.focusWidget() is asked.target.edit
    QTest.keyClick(asked, Qt.Key.Key_Escape)
    person.until(lambda: person.question() is None, "it is closed")
    assert [each.name for each in person.window.source_model.lines] == ["Listen"]


def test_a_source_stops_starts_and_goes(person: Person, echo: Server) -> None:
    add_relay(person, url_of(echo), "the server")
    sources = person.window.source_pane.list
    number = line(person, "the server").id
    place = sources.button_rect(number).center()
    QTest.mouseClick(sources.viewport(), Qt.MouseButton.LeftButton, pos=place)
    person.until(lambda: line(person, "the server").state is SourceState.STOPPED, "it has stopped")
    choose(person, "the server")
    QTest.keyClick(sources, Qt.Key.Key_Space)
    wait_until_running(person, "the server")
    QTest.keyClick(sources, Qt.Key.Key_Delete)
    person.until(lambda: isinstance(person.question(), QMessageBox), "it is asked")
    question = person.question()
    assert question is not None
    person.click(person.button(question, "Remove"))
    person.until(lambda: len(person.window.source_model.lines) == 1, "it is gone")
    assert sources.chosen_source is None


def test_what_came_through_a_removed_source_can_still_be_chosen(person: Person, echo: Server) -> None:
    relay = add_relay(person, url_of(echo), "the server")
    with connect(f"ws://{relay.address}/through"), connect(person.url + "/direct"):
        person.until(lambda: len(person.connections()) == 2, "both are in the list")
    window = person.window
    window.sources.stop(relay.id)
    person.until(lambda: line(person, "the server").state is SourceState.STOPPED, "it has stopped")
    window.sources.ask_remove(relay.id)
    assert line(person, "the server").is_recorded
    choose(person, "the server")
    person.until(lambda: len(person.connections()) == 1, "one is in the list")
    assert person.connections()[0].startswith("/through")
    person.do(ActionId.CLEAR)
    question = person.question()
    if question is not None:
        person.click(person.button(question, "Clear"))
    person.until(lambda: len(window.source_model.lines) == 1, "nothing is left of it")
    assert window.source_pane.list.chosen_source is None


def test_what_ran_runs_again_at_the_next_start(sit_down: SitDown, echo: Server) -> None:
    person = sit_down()
    add_relay(person, url_of(echo), "the server")
    add_relay(person, url_of(echo), "stopped")
    person.window.sources.stop(line(person, "stopped").id)
    person.until(lambda: line(person, "stopped").state is SourceState.STOPPED, "it has stopped")
    person.close()
    person = sit_down()
    with connect(f"ws://{wait_until_running(person, 'the server').address}/") as peer:
        peer.send("again")
        assert peer.recv() == "again"
    assert line(person, "stopped").state is SourceState.STOPPED


def test_others_are_let_in_only_after_a_question(sit_down: SitDown, echo: Server) -> None:
    person = sit_down()
    asked = form(person, ActionId.ADD_RELAY, RelayForm)
    write(asked.target.edit, url_of(echo))
    write(asked.address.edit, "0.0.0.0:0")
    asked.accept()
    person.until(lambda: isinstance(person.question(), QMessageBox), "it is asked")
    question = person.question()
    assert question is not None
    person.click(person.button(question, "Let others connect"))
    name = person.window.source_model.lines[1].name
    wait_until_running(person, name)
    person.close()
    person = sit_down()
    person.wait_for_banner(name)
    assert line(person, name).state is SourceState.STOPPED
    person.click(person.button(person.window.banner, "Start again"))
    person.until(lambda: isinstance(person.question(), QMessageBox), "it is asked again")
    question = person.question()
    assert question is not None
    QTest.keyClick(question, Qt.Key.Key_Escape)
    person.until(lambda: person.question() is None, "the question is gone")
    assert line(person, name).state is SourceState.STOPPED


def test_a_source_that_cannot_start_says_why(person: Person, echo: Server) -> None:
    asked = form(person, ActionId.ADD_RELAY, RelayForm)
    write(asked.target.edit, url_of(echo))
    write(asked.address.edit, url_of(echo).removeprefix("ws://"))
    asked.accept()
    person.wait_for_banner("is in use by another program")
    failed = person.window.source_model.lines[1]
    assert failed.state is SourceState.FAILED
    assert "is in use by another program" in person.window.source_model.detail(failed)


def test_unmask_is_the_client_and_writes_to_the_server(person: Person, echo: Server) -> None:
    asked = form(person, ActionId.ADD_CONNECT, ConnectForm)
    asked.url.edit.setFocus()
    QGuiApplication.clipboard().setText(
        f"curl '{url_of(echo)}/chat' -H 'X-Room: 7' -H 'Origin: http://a.test'"
    )
    QTest.keySequence(asked.url.edit, "Ctrl+V")
    assert asked.url.text == f"{url_of(echo)}/chat"
    assert asked.headers.text == "X-Room: 7"
    assert asked.origin.text == "http://a.test"
    asked.accept()
    person.until(lambda: "open" in "".join(person.connections()), "it is connected")
    person.choose_connection(1)
    person.do(ActionId.SEND_HERE)
    person.compose("to the server")
    person.wait_for_rows(2)
    assert [row[0] for row in person.rows()] == ["client → server", "server → client"]


def test_the_empty_window_offers_four_ways(person: Person) -> None:
    page = person.window.start_page
    assert page.isVisible()
    assert not person.window.frames.isVisible()
    copy = {action.text(): action for action in page._menu.actions()}
    copy["JavaScript"].trigger()
    assert QGuiApplication.clipboard().text() == f'const socket = new WebSocket("{person.url}/");'
    person.wait_for_banner("Copied, for JavaScript")
    with connect(person.url):
        person.until(lambda: not page.isVisible(), "the page makes room")
        assert person.window.frames.isVisible()
    person.do(ActionId.START_PAGE)
    assert page.isVisible()
    person.click(page.close_button)
    assert not page.isVisible()


def test_a_proxy_asks_for_host_lists(person: Person) -> None:
    asked = form(person, ActionId.ADD_PROXY, ProxyForm)
    asked.pass_hosts.set_text("*.bank.test, 10.0.0.0/8")
    asked.open_hosts.set_text("what is this?")
    assert "names no hosts" in asked.open_hosts.note.text()
    asked.open_hosts.set_text("")
    assert asked.what.pass_hosts.matches("www.bank.test", 443)
    assert not asked.what.open_hosts
    asked.reject()


def test_lines_to_paste_name_an_address_that_can_be_reached(person: Person) -> None:
    from app.logic.client_lines import client_lines

    del person
    assert client_lines(Mode.LISTEN, "0.0.0.0:80")[0].text == "ws://127.0.0.1:80/"
    assert client_lines(Mode.PROXY, "127.0.0.1:3128")[0].text == "127.0.0.1:3128"
    assert client_lines(Mode.CONNECT, "", "ws://a/?b=1&c")[0].text == "unmask --connect 'ws://a/?b=1&c'"


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script here")
def test_a_browser_that_ends_at_once_is_told(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "bin" / "chromium"
    browser.parent.mkdir()
    browser.write_text("#!/bin/sh\necho no room >&2; exit 7\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{browser.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    person.do(ActionId.OPEN_BROWSER)
    person.wait_for_banner("with exit status 7, and said: “no room”.")
