from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.logic.held_lines import HeldKind, HeldLine, waiting_time
from app.models.held import HeldModel
from core.capture.records import Direction
from core.protocol.frames import Opcode
from tests.tools.qt import dispose

NOW = 10**18
SECOND = 10**9


@pytest.fixture
def model(qapp: QApplication) -> Iterator[HeldModel]:
    model = HeldModel(lambda _connection: "/chat", qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    dispose(tester)
    dispose(model)


def held(ticket: int, payload: bytes = b"hello", connection: int = 1) -> HeldLine:
    return HeldLine(
        connection, ticket, HeldKind.MESSAGE, Direction.CLIENT_TO_SERVER, Opcode.TEXT, payload,
        NOW - 3 * SECOND, NOW + 60 * SECOND, ("hold",),
    )  # fmt: skip


def tickets(model: HeldModel) -> list[int]:
    return [line.ticket for line in model.lines]


def test_rows_come_and_go_without_a_reset(model: HeldModel) -> None:
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    model.set_lines([held(1), held(2), held(3), held(4), held(5)], NOW)
    model.set_lines([held(2), held(5), held(6)], NOW)
    assert tickets(model) == [2, 5, 6]
    model.set_lines([], NOW)
    model.set_lines([held(7)], NOW)
    assert tickets(model) == [7]
    assert resets == []


def test_the_same_ticket_of_another_connection_is_another_row(model: HeldModel) -> None:
    model.set_lines([held(1), held(1, connection=2)], NOW)
    assert [model.row_of((1, 1)), model.row_of((2, 1)), model.row_of((3, 1))] == [0, 1, -1]


def test_a_row_says_what_waits_where_and_for_how_long(model: HeldModel) -> None:
    line = replace(held(1), position=2, behind=1)
    model.set_lines([line], NOW)
    assert model.where(line) == "#1 /chat · client → server"
    assert model.how(line) == "text · 5 bytes · place 2, 1 behind"
    assert (model.age(line), model.left(line)) == ("3.0 s", "1:00")
    assert model.data(model.index(0)) == "hello"


def test_payloads_are_shown_as_plain_text_on_one_line(model: HeldModel) -> None:
    model.set_lines([held(1, b"<b>a</b>\n\x1b[31m\xff"), held(2, b"")], NOW)
    assert model.data(model.index(0)) == "<b>a</b>↵\\x1b[31m\\xff"
    assert model.data(model.index(1)) == "(empty)"
    assert "&lt;b" not in str(model.data(model.index(0), Qt.ItemDataRole.ToolTipRole))


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (-5, "0.0 s"),
        (400_000_000, "0.4 s"),
        (12 * SECOND, "12 s"),
        (185 * SECOND, "3:05"),
        (7200 * SECOND, "2:00:00"),
    ],
)
def test_waiting_times(nanoseconds: int, text: str) -> None:
    assert waiting_time(nanoseconds) == text
