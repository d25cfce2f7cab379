"""Filters on the command line: what the console prints, what an export has, and what is said of a wrong one."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from websockets.sync.client import connect

from app.cli import main
from core.protocol.frames import Opcode
from tests.tools.conversation import Conversation
from tests.tools.program import Program, command_of_unmask, port_in
from tests.tools.recorded import CaptureMaker

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    talk = Conversation(tmp_path / "a.unmask")
    talk.open()
    for text in ("one", "two", "two again"):
        talk.frame(Opcode.TEXT, text.encode())
    talk.end()
    return talk.keep()


def test_an_export_has_what_matches(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "out.jsonl"
    assert main(["export", str(capture), "--filter", "two and not again", "-o", str(target)]) == 0
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["handshake", "frame", "message", "close"]
    assert lines[2]["payload"] == "two"
    assert capsys.readouterr().err == ""


def test_an_export_of_one_connection(tmp_path: Path, capsys: Captured) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        first, second = maker.peer("/first"), maker.peer("/second")
        first.say("two")
        second.say("one")
        second.say("two")
    target = tmp_path / "out.jsonl"
    words = ["export", str(maker.path), "-o", str(target), "--connection"]
    assert main([*words, "#2"]) == 0
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [line.get("path") or line.get("payload") for line in lines if line["event"] != "frame"] == [
        "/second",
        "one",
        "two",
    ]
    assert main([*words, "2", "--filter", "one"]) == 0
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [(line["event"], line["connection"]) for line in lines] == [
        ("handshake", 2),
        ("frame", 2),
        ("message", 2),
    ]
    assert main([*words, "3"]) == 1
    assert "a.unmask has no connection #3" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "chat"])
    assert "“chat” is no connection's number" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["export", "a.unmask"], ["--json"], ["--headless"]])
def test_a_wrong_filter_is_pointed_at(words: list[str], capsys: Captured) -> None:
    assert main([*words, "--filter", "opcode == pin"]) == 2
    assert capsys.readouterr().err == (
        "unmask: “opcode” cannot be 'pin': expected a number, or one of the names: continuation, text, binary, close, "
        "ping, pong. Did you mean “ping”?\n"
        "opcode == pin\n"
        "          ^^^\n"
    )


def test_a_filter_needs_the_console(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--filter", "x"])
    assert ended.value.code == 2
    assert "--filter goes with --headless or --json" in capsys.readouterr().err


def test_the_console_tells_of_what_matches_as_it_comes(tmp_path: Path) -> None:
    wanted = "(keep or control) and masked"
    command = command_of_unmask(
        "--json", "--listen", "127.0.0.1:0", "--capture", tmp_path / "a.unmask", "--filter", wanted
    )
    with Program(command) as program:
        port = port_in(program.line())
        with connect(f"ws://127.0.0.1:{port}/", compression="deflate") as client:
            for _ in range(3):
                client.send("leave " * 20)
                client.send("keep " * 20)
        assert program.end(signal.SIGTERM) == 0
        events = [json.loads(line) for line in program.rest()[1:]]
    assert [each["event"] for each in events] == [
        "handshake",
        *["frame", "message"] * 3,
        "frame",
        "close",
        "recorded",
    ]
    assert {each["payload"] for each in events if each["event"] == "message"} == {"keep " * 20}
    assert events[-3]["opcode_name"] == "close"
