from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.models import problems
from app.models.problems import CACHED_PAGES, PAGE_ROWS, ProblemModel
from core.protocol.frames import Opcode, make_frame
from core.protocol.violations import Severity
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker

ZERO_KEY = bytes(4)


@pytest.fixture
def model(qapp: QApplication) -> Iterator[ProblemModel]:
    """A model under Qt's own tester, which fails on any broken promise."""
    model = ProblemModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    model.set_reader(None)
    dispose(tester)
    dispose(model)


def rules(model: ProblemModel) -> list[str]:
    found = [model.problem(row) for row in range(model.rowCount())]
    return [problem.violation.rule.id for problem in found if problem is not None]


def test_handshakes_and_frames(model: ProblemModel, maker: CaptureMaker) -> None:
    maker.peer().frame(Opcode.TEXT, b"fine")
    maker.peer("/x y").frame(Opcode.TEXT, b"naked", key=None)
    model.set_reader(maker.reader())
    assert not model.refresh()
    assert rules(model)[-1] == "mask-missing"
    last = model.index(model.rowCount() - 1)
    assert model.data(last) == "A client must mask every frame; this one is not masked. MASK is 0"
    assert (
        model.data(last, Qt.ItemDataRole.AccessibleDescriptionRole) == "Error · #2 · frame 2 · RFC 6455 §5.1"
    )
    assert "handshake" in str(model.data(model.index(0), Qt.ItemDataRole.AccessibleDescriptionRole))
    assert str(model.data(last, Qt.ItemDataRole.ToolTipRole)).startswith("<qt>A client must")


def test_new_ones_come_in_one_insertion(model: ProblemModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    peer = maker.peer()
    peer.frame(Opcode.TEXT, b"naked", key=None)
    model.set_reader(maker.reader())
    model.refresh()
    assert rules(model) == ["mask-missing"]
    peer.receive(make_frame(Opcode.TEXT, b"x").wire() * PAGE_ROWS)
    maker.recorder.flush()
    with qtbot.waitSignal(model.rowsInserted) as inserted:
        model.refresh()
    assert inserted.args is not None
    assert inserted.args[1:] == [1, PAGE_ROWS]
    assert rules(model) == ["mask-missing"] * (PAGE_ROWS + 1)


def test_only_some_severities(model: ProblemModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    for _ in range(PAGE_ROWS + 5):
        peer.frame(Opcode.TEXT, b"a", key=ZERO_KEY)
        peer.frame(Opcode.TEXT, b"naked", key=None)
    model.set_reader(maker.reader())
    model.refresh()
    notes, errors = model.count(Severity.NOTE), model.count(Severity.ERROR)
    assert (errors, model.count(Severity.WARNING)) == (PAGE_ROWS + 5, 0)
    assert notes > 0
    model.set_severities(frozenset({Severity.ERROR}))
    assert rules(model) == ["mask-missing"] * errors
    assert model.count(Severity.NOTE) == notes
    model.set_severities(frozenset())
    assert rules(model) == []


def test_a_flood_is_taken_in_piece_by_piece_and_memory_is_bounded(
    model: ProblemModel, maker: CaptureMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "READ_AT_ONCE", 1000)
    count = (CACHED_PAGES + 4) * PAGE_ROWS
    maker.peer().receive(make_frame(Opcode.TEXT, b"x").wire() * count)
    model.set_reader(maker.reader())
    rounds = 1
    while model.refresh():
        rounds += 1
    assert (model.rowCount(), rounds) == (count, count // 1000 + 1)
    found = [problem.frame for row in range(count) if (problem := model.problem(row)) is not None]
    assert found == list(range(1, count + 1))
    assert len(model._pages) == CACHED_PAGES


def test_rows_are_shown_anew_when_their_frames_are_dropped(
    model: ProblemModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    peer = maker.peer()
    for _ in range(3):
        peer.frame(Opcode.TEXT, b"naked", key=None)
        maker.recorder.flush()
    model.set_reader(maker.reader())
    model.refresh()
    maker.keep_last(1)
    with qtbot.waitSignal(model.dataChanged):
        model.refresh()
    places = [model.place(problem) for row in range(3) if (problem := model.problem(row)) is not None]
    assert ["dropped" in place for place in places] == [True, True, False]


def test_a_cleared_capture_has_none(model: ProblemModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.frame(Opcode.TEXT, b"naked", key=None)
    model.set_reader(maker.reader())
    model.refresh()
    maker.recorder.clear()
    maker.recorder.flush()
    model.refresh()
    assert model.rowCount() == 0
    peer.frame(Opcode.PING, bytes(130))
    maker.recorder.flush()
    model.refresh()
    assert rules(model) == ["control-too-long"] + ["masking-key-reused"] * (model.rowCount() - 1)


def test_a_capture_that_cannot_be_read_is_said_once(
    model: ProblemModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    maker.peer().frame(Opcode.TEXT, b"naked", key=None)
    reader = maker.reader()
    model.set_reader(reader)
    reader._db.execute("CREATE TEMP TABLE violation(id)")
    with qtbot.waitSignal(model.failed) as failed:
        assert not model.refresh()
    assert failed.args is not None
    assert "cannot be read" in failed.args[0]
    with qtbot.assertNotEmitted(model.failed):
        model.refresh()


def broken(maker: CaptureMaker, blocks: int) -> None:
    """So many blocks of a frame that broke a rule."""
    peer = maker.peer()
    for _ in range(blocks):
        peer.frame(Opcode.TEXT, b"naked", key=None)
        maker.recorder.flush()


def test_problems_of_frames_that_were_dropped_say_so(model: ProblemModel, maker: CaptureMaker) -> None:
    broken(maker, 2)
    model.set_reader(maker.reader())
    model.refresh()
    maker.keep_last(1)
    model.refresh()
    found = [model.problem(row) for row in range(model.rowCount())]
    assert [model.place(problem) for problem in found if problem is not None] == [
        "#1 · frame 1, which was dropped · RFC 6455 §5.1",
        "#1 · frame 2 · RFC 6455 §5.1",
    ]


def test_problems_that_go_long_after_their_frames_leave_the_list(
    model: ProblemModel, maker: CaptureMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.ring.PROBLEMS_LEFT", 2)
    broken(maker, 5)
    model.set_reader(maker.reader())
    model.refresh()
    maker.keep_last(5)
    broken(maker, 3)
    maker.keep_last(1)
    assert model.refresh(), "it begins anew"
    assert not model.refresh()
    assert model.rowCount() == model.count(Severity.ERROR) == 3
    first = model.problem(0)
    assert first is not None
    assert first.frame == 6
