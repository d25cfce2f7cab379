from __future__ import annotations

from pytestqt.qtbot import QtBot

from app.logic.frame_column import FrameColumn
from app.window.desktop import Desktop


def test_the_titles_of_columns_are_whole_once_the_window_is_styled(desktop: Desktop, qtbot: QtBot) -> None:
    header = desktop.window.frames.horizontalHeader()
    shown = [column for column in FrameColumn if column is not FrameColumn.PAYLOAD]

    def are_whole() -> bool:
        return all(
            header.isSectionHidden(column)
            or header.sectionSize(column) >= header.sectionSizeFromContents(column).width()
            for column in shown
        )

    desktop.window.resize(1600, 900)
    qtbot.waitUntil(are_whole)
