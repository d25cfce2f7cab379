"""Scripts between real clients and servers, and the examples that come with Unmask."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from app.logic.running_script import RunningScript
from core.capture.reader import CaptureReader
from core.net.connect_request import ConnectRequest, parse_url
from core.net.settings import EngineSettings
from core.net.sources import Connect
from core.protocol.events import Origin
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy, Fate
from core.protocol.outgoing import OutgoingMessage, Target
from core.protocol.state import Role
from core.rules.verdict import Replacement
from core.scripts.script import ScriptState
from tests.tools.program import Program, command_of_unmask, port_in
from tests.tools.proxied import proxied
from tests.tools.scripts_page import EXAMPLES
from tests.tools.served import Served, frames_of, messages_of
from tests.tools.waiting import until


@contextmanager
def echoing(*, answers: bool = True) -> Iterator[tuple[str, list[str | bytes]]]:
    """A server that sends back what comes, if it `answers`; its URL, and what came."""
    came: list[str | bytes] = []

    def answer(server: ServerConnection) -> None:
        try:
            for message in server:
                came.append(message)
                if answers:
                    server.send(message)
        except ConnectionClosed:
            return

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, name="echo")
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}", came
        server.shutdown()
        thread.join()


@contextmanager
def scripted(tmp_path: Path, source: str) -> Iterator[tuple[Served, RunningScript]]:
    """An engine with a script that runs."""
    path = tmp_path / "s.py"
    path.write_text(source, encoding="utf-8")
    with Served(tmp_path / "c.unmask", EngineSettings()) as served:
        running = RunningScript(served.host, path, lambda: None)
        until(lambda: running.status.state is ScriptState.RUNNING, "the script runs")
        yield served, running


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.py").read_text("utf-8")


def notes_of(reader: CaptureReader) -> list[str]:
    """The notes on frames."""
    return [mark.note for mark in reader.marks.some(0, 10_000) if mark.note]


def test_a_fake_server(tmp_path: Path) -> None:
    with scripted(tmp_path, example("fake_server")) as (served, running):
        with connect(f"{served.url}/todo") as client:
            assert json.loads(client.recv()) == {"type": "welcome", "path": "/todo", "todos": []}
            client.send('{"type": "add", "text": "milk"}')
            assert json.loads(client.recv()) == {"type": "added", "number": 1}
            client.send('{"type": "list"}')
            assert json.loads(client.recv()) == {"type": "todos", "todos": ["milk"]}
            client.send('{"type": "dance"}')
            assert json.loads(client.recv()) == {"type": "error", "unknown": {"type": "dance"}}
            client.send("no JSON")
            until(lambda: any("JSONDecodeError" in each.text for each in running.log.after()), "it is told")
        served.closed()
        origins = [each.row.origin for each in frames_of(served.reader) if each.row.opcode == 1]
        assert origins.count(Origin.RULE) == 4


def test_chaos(tmp_path: Path) -> None:
    source = example("chaos").replace("CHANCE = 0.01", "CHANCE = 1.0")
    source = source.replace("random.uniform(0.5, 3.0)", "0.01")
    assert source.count("1.0") == 1
    with echoing(answers=False) as (url, came), scripted(tmp_path, source) as (served, _):
        port = served.relay(url)
        with connect(f"ws://127.0.0.1:{port}") as client:
            for number in range(100):
                client.send(f"message {number}")
            client.send("the last")
        served.closed()
        told = {note.splitlines()[0].removeprefix("chaos: ") for note in notes_of(served.reader)}
        assert told == {"lose", "stall", "repeat", "spoil"}
        assert came


def test_chaos_lets_nearly_all_pass(tmp_path: Path) -> None:
    source = example("chaos").replace("random.uniform(0.5, 3.0)", "0.01")
    with echoing(answers=False) as (url, came), scripted(tmp_path, source) as (served, _):
        with connect(f"ws://127.0.0.1:{served.relay(url)}") as client:
            for number in range(1000):
                client.send(f"message {number}")
        served.closed()
        assert 950 <= len(came) <= 1050


def test_decrypt_and_show(tmp_path: Path) -> None:
    key, nonce = bytes(range(16)), bytes(12)
    with echoing() as (url, _), scripted(tmp_path, example("decrypt_and_show")) as (served, _running):
        with connect(f"ws://127.0.0.1:{served.relay(url)}") as client:
            sealed = nonce + AESGCM(key).encrypt(nonce, "geheim ✓".encode(), None)
            for payload in (sealed, b"something else"):
                client.send(payload)
                # What passes stays as it is.
                assert client.recv() == payload
        served.closed()
        assert notes_of(served.reader) == ["geheim ✓"] * 2 + ["not encrypted with this key"] * 2


def test_redact_tokens(tmp_path: Path) -> None:
    secret = "s3cr3t-of-mine"
    with echoing() as (url, came), scripted(tmp_path, example("redact_tokens")) as (served, _):
        with connect(f"ws://127.0.0.1:{served.relay(url)}") as client:
            sent = json.dumps({"type": "login", "token": secret})
            client.send(sent)
            assert client.recv() == sent
            client.send("nothing to hide")
            assert client.recv() == "nothing to hide"
        served.closed()
        assert came == [sent, "nothing to hide"]
        kept = [said.payload.decode() for said in messages_of(served.reader) if said.opcode == 1]
        assert kept.count('{"type": "login", "token": "***"}') == 2
    for file in tmp_path.glob("c.unmask*"):
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_are_changed_on_their_way(tmp_path: Path, compression: str | None) -> None:
    source = """
from unmask_script import *

def on_message(message):
    if message.sender == "client":
        if message.text == "drop":
            drop()
        elif message.text == "answer":
            drop()
            reply("answered")
        else:
            replace(message.text.upper())
"""
    with echoing() as (url, came), scripted(tmp_path, source) as (served, _):
        with connect(f"ws://127.0.0.1:{served.relay(url)}", compression=compression) as client:
            for text in ("one", "drop", "two", "answer"):
                client.send(text)
            assert sorted(client.recv() for _ in range(3)) == ["ONE", "TWO", "answered"]
        served.closed()
        assert came == ["ONE", "TWO"]


def test_traffic_goes_on_when_a_script_hangs(tmp_path: Path) -> None:
    source = """
from unmask_script import *

def on_message(message):
    if message.text == "hang":
        while True: pass
    replace("changed")
"""
    with (
        echoing() as (url, _),
        scripted(tmp_path, source) as (served, running),
        connect(f"ws://127.0.0.1:{served.relay(url)}") as client,
    ):
        client.send("hang")
        client.send("behind")
        assert [client.recv(), client.recv()] == ["hang", "behind"]
        client.send("later")
        assert client.recv() == "later"
        until(lambda: running.status.state is ScriptState.STUCK, "it is left out")


def test_a_script_that_is_put_right_applies_to_open_connections(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("oops(\n")
    with echoing() as (url, _), Served(tmp_path / "c.unmask", EngineSettings()) as served:
        running = RunningScript(served.host, path, lambda: None)
        until(lambda: running.status.state is ScriptState.OVER, "it has an error")
        with connect(f"ws://127.0.0.1:{served.relay(url)}") as client:
            client.send("one")
            assert client.recv() == "one"
            path.write_text("from unmask_script import *\ndef on_message(m): replace(m.text + '!')\n")
            until(lambda: running.status.state is ScriptState.RUNNING, "it was put right")
            client.send("two")
            assert client.recv() == "two!!"
            running.stop()
            client.send("three")
            assert client.recv() == "three"


def test_what_was_sent_before_a_close_is_decided_about(tmp_path: Path) -> None:
    source = """
import time
from unmask_script import *

def on_message(message):
    time.sleep(0.005)
    replace(message.text.upper())
"""
    with echoing(answers=False) as (url, came), scripted(tmp_path, source) as (served, _):
        with connect(f"ws://127.0.0.1:{served.relay(url)}") as client:
            for number in range(20):
                client.send(f"message {number}")
        served.closed()
        assert came == [f"MESSAGE {number}" for number in range(20)]
        rules = {each.row.handling.rules for each in frames_of(served.reader) if each.row.opcode == 1}
        assert rules == {("s.py",)}


def test_frames_are_seen_and_pings_decided_about(tmp_path: Path) -> None:
    source = """
from unmask_script import *

def on_frame(frame):
    log(frame.sender, frame.kind, frame.is_final, frame.payload)
    if frame.kind == "ping":
        drop()
"""
    with echoing(answers=False) as (url, _), scripted(tmp_path, source) as (served, running):
        with connect(f"ws://127.0.0.1:{served.relay(url)}", compression=None) as client:
            client.ping(b"lost")
            client.send(["one ", "two"])
        served.closed()
        texts = [each.text for each in running.log.after()]
        for wanted in (
            "client ping True b'lost'",
            "client text False b'one '",
            "client continuation False b'two'",
            "client close True b'\\x03\\xe8'",
            "server close True b'\\x03\\xe8'",
        ):
            assert wanted in texts
        assert not any("pong" in text for text in texts)


def test_on_the_console(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("from unmask_script import *\ndef on_message(m): reply('got ' + m.text)\n")
    command = command_of_unmask("--headless", "--listen", "127.0.0.1:0", "--script", path)
    with Program(command) as program:
        port = port_in(program.line())
        until(lambda: "unmask: s.py runs, with on_message." in program.errors, "it runs")
        with connect(f"ws://127.0.0.1:{port}") as client:
            client.send("one")
            assert client.recv() == "got one"
            program.line_with("← text")
            path.write_text("def on_message(m): print('\\x1b[1m'); {}['no']\n")
            until(lambda: "was saved and is loaded again" in program.errors, "it is loaded again")
            until(lambda: program.errors.count("s.py runs") == 2, "it runs again")
            client.send("two")
            until(lambda: "s.py, line 1, in on_message: KeyError: 'no'" in program.errors, "it is told")
            # Nothing that a script prints steers the terminal.
            assert "unmask: s.py: \\x1b[1m" in program.errors
        assert program.end(signal.SIGTERM) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_script_ends_with_unmask(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("import os\nprint('process', os.getpid())\ndef on_message(m):\n    while True: pass\n")
    command = command_of_unmask("--headless", "--listen", "127.0.0.1:0", "--script", path)
    with Program(command) as program:
        port = port_in(program.line())
        until(lambda: "s.py runs" in program.errors, "it runs")
        found = re.search(r"process (\d+)", program.errors)
        assert found is not None
        with connect(f"ws://127.0.0.1:{port}") as client:
            client.send("hang")
            until(lambda: "does not answer any more" in program.errors, "it hangs")
            program.end(signal.SIGKILL)
    until(lambda: not Path(f"/proc/{found[1]}").exists() or is_zombie(found[1]), "its process has ended too")


def is_zombie(number: str) -> bool:
    """Whether only the number is left of a process."""
    try:
        return " Z " in Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return True


def test_a_script_may_leave_it_to_a_person(tmp_path: Path) -> None:
    source = "from unmask_script import *\ndef on_message(m):\n    if m.sender == 'client': hold(60)\n"
    with echoing() as (url, _), scripted(tmp_path, source) as (served, _running):
        host = served.host
        with connect(f"ws://127.0.0.1:{served.relay(url)}") as client:
            client.send("one")
            until(lambda: host.held.total == 1, "it is held")
            [message] = host.held.messages
            assert (message.payload, message.rules) == (b"one", ("s.py",))
            host.decide((message.key,), Replacement(Opcode.TEXT, b"another"))
            assert client.recv() == "another"
        served.closed()
        handling = frames_of(served.reader)[0].row.handling
        assert (handling.fate, handling.decided_by) == (Fate.REPLACED, DecidedBy.PERSON)


_SAYS_WHERE = """
from unmask_script import *

def on_message(message):
    log(message.connection.mode)
    reply("from the script")
"""


def test_through_a_proxy(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text(_SAYS_WHERE)
    with echoing(answers=False) as (url, _), proxied(tmp_path) as proxy:
        running = RunningScript(proxy.served.host, path, lambda: None)
        until(lambda: running.status.state is ScriptState.RUNNING, "the script runs")
        with connect(url, proxy=proxy.url) as client:
            client.send("hello")
            assert client.recv() == "from the script"
        assert running.log.after()[-1].text == "proxy"


def test_as_a_client(tmp_path: Path) -> None:
    with echoing() as (url, came), scripted(tmp_path, _SAYS_WHERE) as (served, running):
        served.start(Connect(ConnectRequest(parse_url(url))))
        served.opened()
        served.host.send(Target(1, Role.SERVER), OutgoingMessage(Opcode.TEXT, b"hello"))
        until(lambda: came[:2] == ["hello", "from the script"], "the script has answered the echo")
        assert running.log.after()[-1].text == "connect"
        running.stop()


def test_a_message_before_a_close_stands_before_it(tmp_path: Path) -> None:
    """The script has not answered by then."""
    source = "import time\nfrom unmask_script import *\ndef on_message(m): time.sleep(0.3); note('seen')\n"
    with scripted(tmp_path, source) as (served, _):
        with connect(served.url) as client:
            client.send("the last")
        served.closed()
        assert [each.row.opcode for each in frames_of(served.reader)] == [1, 8, 8]
