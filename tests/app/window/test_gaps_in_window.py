"""What passes while Record is off stands as a row among the frames, and in what is exported."""

from __future__ import annotations

import json
from pathlib import Path

from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from app.actions.registry import ActionId
from app.cli import main
from app.window.desktop import Desktop
from core.capture.gaps import GapReason


def test_record_off_and_on_again(desktop: Desktop, address: str, qtbot: QtBot, tmp_path: Path) -> None:
    window = desktop.window
    model, record = window.frame_model, window.actions_[ActionId.RECORD]
    with connect(f"ws://{address}/", compression=None) as peer:
        peer.send("one")
        qtbot.waitUntil(lambda: model.rowCount() == 1)
        record.trigger()
        for text in ("two", "three"):
            peer.send(text)
            peer.ping().wait(30)
        # Each of them is answered by a pong.
        qtbot.waitUntil(lambda: (gap := model.gap_at(1)) is not None and gap.frames == 6)
        record.trigger()
        peer.send("four")
        qtbot.waitUntil(lambda: model.rowCount() == 3)
        gap = model.gap_at(1)
        assert gap is not None
        assert gap.reason is GapReason.NOT_RECORDED
        assert [model.frame_id(row) for row in (0, 2)] == [1, 2]
        line = model.line(2)
        assert line is not None
        assert line.row.number == 8
        assert main(["export", str(desktop.desk.live_path), "-o", str(tmp_path / "out")]) == 0
    told = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [each["event"] for each in told] == ["handshake", "frame", "message", "gap", "frame", "message"]
    assert (told[3]["frames"], told[3]["reason"], told[3]["before_frame"]) == (6, "not_recorded", 2)
    assert told[1]["time"] < told[3]["from"] < told[3]["to"] < told[4]["time"]
