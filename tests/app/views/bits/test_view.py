from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.look.look import Look
from app.look.theme import Theme, ThemeChoice
from app.views.bits.view import FrameBits
from app.views.parts.bit_diagram import layout_cells
from core.protocol.anatomy import FrameField, Part, anatomy
from core.protocol.frames import Opcode, make_frame
from core.protocol.violations import violation
from tests.app.views.samples import BAD, KEY, record, whole


@pytest.fixture
def view(qtbot: QtBot, look: Look) -> Iterator[FrameBits]:
    view = FrameBits(look)
    view.resize(1100, 420)
    with qtbot.waitExposed(view):
        view.show()
    yield view
    view.close()
    view.deleteLater()


def test_cells_are_cut_at_every_32_bits() -> None:
    fields = anatomy(make_frame(Opcode.TEXT, b"Hello", masking_key=KEY))
    cells = [cell for cell in layout_cells(fields, 10) if cell.field.part is Part.MASKING_KEY]
    assert [(c.row, c.column, c.bits, c.continued) for c in cells] == [(0, 16, 16, False), (1, 0, 16, True)]
    assert sum(cell.bits for cell in layout_cells(fields, 10)) == 8 * 11
    assert max(cell.row for cell in layout_cells(fields, 1)) == 0


def test_every_field_is_a_row_and_peer_text_is_visible(view: FrameBits) -> None:
    view.show_frame(record(make_frame(Opcode.CLOSE, b"\x03\xe8a\x1b\xe2\x80\xaeb")))
    rows = [view.table.text_of(row) for row in range(view.table.rowCount())]
    assert [row[0] for row in rows[:5]] == ["FIN", "RSV1", "RSV2", "RSV3", "Opcode"]
    assert rows[4][1] == "0x8 close"
    assert rows[4][3] == "§5.5.1"
    assert "\x1b" not in rows[-1][1]
    assert "\u202e" not in rows[-1][1]


def test_click_on_a_field_selects_it_everywhere(view: FrameBits, qtbot: QtBot) -> None:
    view.show_frame(whole(b"Hello"))
    with qtbot.waitSignal(view.field_selected) as caught:
        QTest.mouseClick(
            view.diagram, Qt.MouseButton.LeftButton, pos=view.diagram.center_of(Part.MASKING_KEY)
        )
    field = caught.args[0]
    assert isinstance(field, FrameField)
    assert field.part is Part.MASKING_KEY
    assert view.table.text_of(view.table.currentRow())[0] == "Masking key"


def test_row_selects_the_bits(view: FrameBits, qtbot: QtBot) -> None:
    view.show_frame(whole(b"Hello"))
    with qtbot.waitSignal(view.field_selected):
        view.table.setCurrentCell(5, 0)
    selected = view.diagram.selected()
    assert selected is not None
    assert selected.part is Part.MASK


def test_arrow_keys_walk_through_the_fields(view: FrameBits) -> None:
    view.show_frame(whole(b"Hello"))
    chosen: list[Part] = []
    view.field_selected.connect(lambda field: chosen.append(field.part))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Right):
        QTest.keyClick(view.diagram, key)
    assert chosen == [Part.FIN, Part.RSV1, Part.FIN, Part.PAYLOAD, Part.PAYLOAD]


def test_pointing_and_entering(view: FrameBits, qtbot: QtBot) -> None:
    view.show_frame(whole(b"Hello"))
    with qtbot.waitSignal(view.field_hovered) as hovered:
        QTest.mouseMove(view.diagram, view.diagram.center_of(Part.OPCODE))
    assert hovered.args[0].part is Part.OPCODE
    assert view.diagram.field_at(QPoint(1, 1)) is None
    QTest.keyClick(view.diagram, Qt.Key.Key_Home)
    with qtbot.waitSignal(view.field_activated) as activated:
        QTest.keyClick(view.diagram, Qt.Key.Key_Return)
    assert activated.args[0].part is Part.FIN


def test_violations_come_first_and_the_worst_of_them_first(view: FrameBits) -> None:
    view.show_frame(BAD)
    assert view.violations.isVisible()
    assert view.violations.row_count() == 2
    view.violations.more.click()
    assert view.violations.row_count() == 3
    assert view.violations.y() < view.table.mapTo(view, QPoint(0, 0)).y()
    names = [row.accessibleName() for row in view.violations.rows()]
    assert names[0] == "Error · RFC 6455 §5.2: The opcode is reserved.  Opcode 0xB."
    assert names[2].startswith("Note")
    view.show_frame(whole(b"fine"))
    assert not view.violations.isVisible()


def test_many_violations_fold_and_none_is_lost(view: FrameBits) -> None:
    view.show_frame(record(make_frame(1, b""), tuple(violation("rsv1-set", str(n)) for n in range(9))))
    assert view.violations.row_count() == 2
    assert view.violations.more.text() == "Show 7 more"
    view.violations.more.click()
    assert view.violations.row_count() == 9
    assert not view.violations.more.isVisible()


def test_nothing_selected_and_both_looks_paint(view: FrameBits, theme: Theme) -> None:
    for shown in (None, BAD, whole(bytes(70_000), Opcode.BINARY), whole(b"", key=None)):
        view.show_frame(shown)
        for choice in (ThemeChoice.DARK, ThemeChoice.LIGHT):
            theme.set_choice(choice)
            assert not view.grab().isNull()


def test_a_narrow_view_shows_all_bits_and_leaves_out_the_sections(view: FrameBits, qtbot: QtBot) -> None:
    view.show_frame(whole(b"Hello"))
    assert not view.table.isColumnHidden(3)
    view.resize(740, 300)
    qtbot.waitUntil(lambda: view.diagram.visibleRegion().boundingRect().width() == view.diagram.width())
    qtbot.waitUntil(lambda: view.table.isColumnHidden(3))
    assert view.table.columnWidth(2) >= 120
    view.resize(1100, 420)
    qtbot.waitUntil(lambda: not view.table.isColumnHidden(3))
