from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.models import connection_texts
from app.models.connections import ConnectionModel
from core.capture.records import ConnectionState
from core.protocol.frames import Opcode
from core.protocol.violations import Severity
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def model(qapp: QApplication) -> Iterator[ConnectionModel]:
    model = ConnectionModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    model.set_reader(None)
    dispose(tester)
    dispose(model)


def details(model: ConnectionModel) -> list[str]:
    return [line.detail for row in range(1, model.rowCount()) if (line := model.line(row)) is not None]


def test_states_in_words(model: ConnectionModel, maker: CaptureMaker) -> None:
    maker.peer("/open").say("hello")
    maker.peer("/closed").frame(Opcode.CLOSE, b"\x03\xe9")
    maker.peer("/lost").vanish()
    model.set_reader(maker.reader())
    assert model.all_detail() == "1 open · 3 in all"
    assert [model.data(model.index(row)) for row in range(4)] == [
        "All connections",
        "#1 /open",
        "#2 /closed",
        "#3 /lost",
    ]
    assert details(model)[0] == "open · 1 frame"
    assert details(model)[2].startswith("closed · 1006 Abnormal closure")


def test_refresh_takes_over_only_what_changed(
    model: ConnectionModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    first = maker.peer()
    maker.peer()
    model.set_reader(maker.reader())
    first.say("hello")
    third = maker.peer("/third")
    maker.recorder.flush()
    with qtbot.waitSignals([model.rowsInserted, model.dataChanged]):
        model.refresh()
    assert details(model) == ["open · 1 frame", "open · 0 frames", "open · 0 frames"]
    assert model.row_of(third.id) == 3
    assert model.row_of(None) == 0
    assert model.row_of(99) is None
    first.vanish()
    maker.recorder.flush()
    model.refresh()
    assert model.open_count == 2


def test_a_path_cannot_act_on_the_list(model: ConnectionModel, maker: CaptureMaker) -> None:
    maker.peer("/\x85gnp").say("x")
    model.set_reader(maker.reader())
    line = model.line(1)
    assert line is not None
    assert line.title == "/\\x85gnp"


@pytest.mark.parametrize(
    ("request_", "title"),
    [
        (b"GET /chat?a=b HTTP/1.1\r\nHost : x\x00\r\n\r\n", "/chat?a=b"),
        (b"GET /a b\x1b HTTP/1.1\r\n\r\n", "/a b\\x1b"),
        (b"GET /" + b"x" * 1000 + b" HTTP/1.1\r\n\r\n", "…" + "x" * 299),
        (b"\x16\x03\x01\x02\x00\x01", "no request"),
        (b"GET /cut", "no request"),
        (b"", "no request"),
    ],
)
def test_what_cannot_be_read_whole_is_called_by_its_first_line(
    maker: CaptureMaker, request_: bytes, title: str
) -> None:
    peer = maker.peer("/x")
    record = maker.reader().connection(peer.id)
    assert record is not None
    refused = replace(record, path="", request=request_, state=ConnectionState.REFUSED)
    assert connection_texts.title(refused) == title


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (b"CONNECT a.test:443 HTTP/1.1\r\n\r\n", "tunnel, TLS failed"),
        (b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "refused, 200"),
    ],
)
def test_a_tunnel_that_came_to_nothing_is_told_apart(maker: CaptureMaker, request_: bytes, text: str) -> None:
    peer = maker.peer("/x")
    record = maker.reader().connection(peer.id)
    assert record is not None
    refused = replace(record, request=request_, state=ConnectionState.REFUSED, status=200)
    assert connection_texts.state_text(refused) == text


def test_raw_heads_are_not_held(model: ConnectionModel, maker: CaptureMaker) -> None:
    maker.peer()
    model.set_reader(maker.reader())
    line = model.line(1)
    assert line is not None
    assert (line.record.request, line.record.response) == (b"", b"")


def test_of_two_thousand_connections_only_the_changed_one_is_read(
    qapp: QApplication, maker: CaptureMaker
) -> None:
    model = ConnectionModel(qapp)
    peers = [maker.peer(f"/{number}") for number in range(2000)]
    reader = maker.reader()
    model.set_reader(reader)
    assert model.rowCount() == 2001
    peers[1000].say("hello")
    maker.recorder.flush()
    assert [record.id for record in reader.connections(model.totals.changes)] == [peers[1000].id]
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.refresh()
    # The row that changed, and the one that counts all of them.
    assert sorted(changed) == [(0, 0), (1001, 1001)]
    line = model.line(1001)
    assert line is not None
    assert line.record.frame_count == 1
    model.set_reader(None)
    dispose(model)


def test_only_the_connections_of_a_source_are_shown_and_all_are_known(
    model: ConnectionModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    for path, source in (("/a", "one"), ("/b", "two"), ("/c", "one"), ("/d", None)):
        maker.peer(path, source=source)
    model.set_reader(maker.reader())
    with qtbot.waitSignal(model.narrowed):
        model.set_source("one")
    assert titles(model) == ["/a", "/c"]
    assert model.all_title() == "All of one"
    assert model.all_detail() == "2 open · 2 in all"
    assert (model.row_of(2), model.name(2)) == (None, "/b")
    assert model.open_count == 4
    maker.peer("/e", source="one")
    maker.peer("/f", source="two")
    maker.recorder.flush()
    model.refresh()
    assert titles(model) == ["/a", "/c", "/e"]
    with qtbot.waitSignal(model.narrowed):
        model.reveal(2)
    assert model.source is None
    assert titles(model) == ["/a", "/b", "/c", "/d", "/e", "/f"]


def test_a_connection_is_marked_by_the_worst_that_it_did(model: ConnectionModel, maker: CaptureMaker) -> None:
    good, noted, bad = (maker.peer(path) for path in ("/good", "/noted", "/bad"))
    good.say("fine")
    noted.frame(Opcode.TEXT, b"zero key", key=bytes(4))
    model.set_reader(maker.reader())
    bad.frame(Opcode.TEXT, b"bare", key=None)
    maker.recorder.flush()
    model.refresh()
    assert [model.severity(each.id) for each in (good, noted, bad)] == [None, Severity.NOTE, Severity.ERROR]
    noted.frame(Opcode.TEXT, b"bare", key=None)
    maker.recorder.flush()
    model.refresh()
    assert model.severity(noted.id) is Severity.ERROR


def titles(model: ConnectionModel) -> list[str]:
    lines = map(model.line, range(1, model.rowCount()))
    return [line.title for line in lines if line is not None]
