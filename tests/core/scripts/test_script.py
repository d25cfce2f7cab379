"""What functions of a script decide comes back as a verdict, from a process of its own."""

from __future__ import annotations

from pathlib import Path

from core.protocol.frames import FIN, Opcode
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, Target
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.verdict import Hold, Onward, Replacement, Send, Verdict
from core.scripts.records import Utterance
from core.scripts.script import ScriptState
from tests.tools.scripted import RELAYED, Scripted, play

_DECISIONS = """
from unmask_script import *

def on_message(message):
    match message.text:
        case "drop": drop()
        case "replace": replace("other")
        case "bytes": replace(b"\\x00")
        case "json": replace({"a": [1, "é"]})
        case "hold": hold(5)
        case "delay": delay(1.5)
        case "redact": redact("***")
        case "note": note("seen"); note(12)
        case "reply": reply("yes"); reply("later", after=2)
        case "send": send("on")
        case "close": close(4000, "enough")
        case "changed my mind": drop(); replace("x")
"""


def text(payload: str) -> OutgoingMessage:
    return OutgoingMessage(Opcode.TEXT, payload.encode())


def test_every_decision(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", _DECISIONS, about=RELAYED) as scripted:
            say = scripted.say
            assert await say("nothing") == Verdict()
            assert await say("drop") == Verdict(Onward.DROP)
            assert await say("replace") == Verdict(Replacement(Opcode.TEXT, b"other"))
            assert await say("bytes") == Verdict(Replacement(Opcode.BINARY, b"\0"))
            assert await say("json") == Verdict(Replacement(Opcode.TEXT, '{"a": [1, "é"]}'.encode()))
            assert await say("hold") == Verdict(Hold(5.0))
            assert await say("delay") == Verdict(delay_seconds=1.5)
            assert await say("redact") == Verdict(recorded=b"***")
            assert await say("note") == Verdict(notes=("seen", "12"))
            replies = (Send(Role.CLIENT, text("yes")), Send(Role.CLIENT, text("later"), 2.0))
            assert await say("reply") == Verdict(sends=replies)
            assert await say("send") == Verdict(sends=(Send(Role.SERVER, text("on")),))
            back = Send(Role.CLIENT, text("on"))
            assert await say("send", sender=Role.SERVER) == Verdict(sends=(back,))
            closes = tuple(Send(side, OutgoingClose(4000, "enough")) for side in Role)
            assert await say("close") == Verdict(sends=closes)
            assert await say("changed my mind") == Verdict(Replacement(Opcode.TEXT, b"x"))
            assert scripted.script.status.unchanged == 0

    play(scene())


def test_only_what_it_has_functions_for_is_asked(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", "def on_message(message): ...\n") as scripted:
            is_asked = scripted.script.is_asked
            # Nobody knows yet, so what comes waits until the file has run.
            assert is_asked(Moment.FRAME, Role.CLIENT)
            assert await scripted.ask(Moment.FRAME, head=FIN | Opcode.PING) == Verdict()
            await scripted.state(ScriptState.RUNNING)
            assert not is_asked(Moment.FRAME, Role.CLIENT)
            assert not is_asked(Moment.OPEN, Role.CLIENT)
            assert is_asked(Moment.MESSAGE, Role.SERVER)
            asked = scripted.script.status.asked
            assert await scripted.ask(Moment.OPEN) == Verdict()
            assert scripted.script.status.asked == asked

    play(scene())


_FACTS = """
from unmask_script import *

def on_open(connection):
    c = connection
    log(c.id, c.mode, c.source, c.path, c.peer, c.subprotocol, c.header("x-token"), c.header("no"), len(c.headers))
    c.state["seen"] = 0
    reply("hello")

async def on_message(message):
    message.connection.state["seen"] += 1
    log(message.sender, message.is_text, message.payload, message.text, message)

def on_frame(frame):
    log(frame.kind, frame.is_final, frame.payload, frame.sender, frame)
    if frame.kind == "ping":
        drop()

def on_close(connection):
    log("seen", connection.state["seen"], connection)
"""


def test_what_it_sees_of_a_connection(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        async with Scripted(tmp_path / "s.py", _FACTS) as scripted:
            opened = await scripted.ask(Moment.OPEN)
            assert opened == Verdict(sends=(Send(Role.CLIENT, text("hello")),))
            await scripted.say("é")
            await scripted.ask(Moment.MESSAGE, b"\xff", head=Opcode.BINARY)
            assert await scripted.ask(Moment.FRAME, b"p", head=FIN | Opcode.PING) == Verdict(Onward.DROP)
            assert await scripted.ask(Moment.FRAME, b"d", head=Opcode.TEXT) == Verdict()
            assert await scripted.ask(Moment.CLOSE) == Verdict()
            # The connection was forgotten, and is met again.
            await scripted.ask(Moment.CLOSE)
            await scripted.entry("KeyError: 'seen'")
            return [each.text for each in scripted.script.log.after() if each.kind is Utterance.LOG]

    assert play(scene()) == [
        "7 listen  /chat?room=1 127.0.0.1:50312 chat abc None 2",
        "client True b'\\xc3\\xa9' é <Message of the client of #7: 2 bytes>",
        "client False b'\\xff' � <Message of the client of #7: 1 bytes>",
        "ping True b'p' client <ping frame of the client of #7: 1 bytes>",
        "text False b'd' client <text frame of the client of #7: 1 bytes>",
        "seen 2 <Connection #7 /chat?room=1>",
    ]


_ASYNC = """
import asyncio
from unmask_script import *

gates = {}

async def on_message(message):
    if message.text == "open":
        gates["a"].set()
        return
    gates["a"] = asyncio.Event()
    await gates["a"].wait()
    reply("waited")
"""


def test_async_functions_run_beside_each_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", _ASYNC) as scripted:
            first = scripted.put(Moment.MESSAGE, b"wait")
            assert await scripted.say("open") == Verdict()
            assert first.result().sends == (Send(Role.CLIENT, text("waited")),)

    play(scene())


def test_answers_come_in_the_order_of_messages(tmp_path: Path) -> None:
    source = """
import asyncio
from unmask_script import *

gate = asyncio.Event()

async def on_message(message):
    if message.text == "slow":
        await gate.wait()
    reply(message.text)

def on_frame(frame):
    gate.set()
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            slow = scripted.put(Moment.MESSAGE, b"slow")
            behind = [scripted.put(Moment.MESSAGE, b"%d" % number) for number in range(3)]
            # Other directions do not wait for it.
            assert (await scripted.say("back", sender=Role.SERVER)).sends
            assert (await scripted.say("other", connection=80)).sends
            assert not any(each.done() for each in behind)
            await scripted.ask(Moment.FRAME, head=FIN | Opcode.PING)
            assert (await slow).sends[0].outgoing == text("slow")
            assert [(await each).sends[0].outgoing for each in behind] == list(map(text, "012"))

    play(scene())


_LATER = """
import asyncio
from unmask_script import *

tasks = set()

async def later(connection):
    await asyncio.sleep(0)
    reply("from a task")
    connection.send(b"bytes", to="client")
    connection.close(1000, "done")
    try:
        drop()
    except RuntimeError as error:
        log(error)

def on_message(message):
    task = asyncio.create_task(later(message.connection))
    tasks.add(task)
"""


def test_what_is_sent_later_goes_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", _LATER) as scripted:
            assert await scripted.say("go") == Verdict()
            await scripted.until(lambda: len(scripted.sent) == 3, "three things were sent")
            there = Target(70, Role.CLIENT)
            assert scripted.sent == [
                (there, text("from a task")),
                (there, OutgoingMessage(Opcode.BINARY, b"bytes")),
                (there, OutgoingClose(1000, "done")),
            ]
            await scripted.entry("drop() comes too late: on_message has returned, and the message is gone.")
            scripted.refuses = True
            await scripted.say("go")
            await scripted.entry("What s.py sends does not go out. Connection #7 is closed")

    play(scene())


_MISTAKES = """
from unmask_script import *

def attempt(what, *arguments):
    try:
        what(*arguments)
    except (RuntimeError, ValueError, TypeError) as error:
        log(f"{type(error).__name__}: {error}")

attempt(reply, "x")

def on_open(connection):
    attempt(drop)
    attempt(reply, "x")
    attempt(connection.send, "x")
    attempt(connection.send, "x", "nobody")

def on_frame(frame):
    attempt(replace, "x")

def on_message(message):
    attempt(reply, object())
    attempt(reply, float("nan"))
    attempt(reply, "\\ud800")
    attempt(delay, -1)
    attempt(hold, 1e9)
    attempt(reply, bytearray(65 * 2**20))
    for _ in range(1001):
        attempt(reply, "x")
"""


def test_mistakes_are_told_where_they_are_made(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        async with Scripted(tmp_path / "s.py", _MISTAKES, about=RELAYED) as scripted:
            await scripted.ask(Moment.OPEN)
            await scripted.ask(Moment.FRAME, head=Opcode.TEXT)
            assert len((await scripted.say("x")).sends) == 1000
            return [each.text for each in scripted.script.log.after() if each.kind is Utterance.LOG]

    told = play(scene())
    assert [each.split(":")[0] for each in told] == [
        "RuntimeError",
        "RuntimeError",
        "RuntimeError",
        "ValueError",
        "ValueError",
        "RuntimeError",
        "TypeError",
        "ValueError",
        "UnicodeEncodeError",
        "ValueError",
        "ValueError",
        "ValueError",
        "RuntimeError",
    ]
    assert told[0] == "RuntimeError: reply() in the file itself has no connection to send to."
    assert told[1].startswith("RuntimeError: drop() decides about a message, and on_open has none")
    assert told[2].endswith("two peers to choose from: use connection.send(…, to=…).")
    assert told[5].endswith("call it in on_message, or in on_frame for a ping, a pong or a close.")
    assert told[-2].startswith("ValueError: A message of 68.2 MB is more than")


def test_prints_and_the_rest_of_python_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'neighbour'\n")
    source = """
import os, subprocess, sys
import beside
from dataclasses import dataclass

@dataclass
class Seen:
    text: str

print("loaded", __name__, sys.argv == [__file__], beside.WORD, Seen("x"))
if __name__ == "__main__":
    print("by itself")

def on_message(message):
    print("half", end="")
    print("to the error output", file=sys.stderr)
    print(" and half\\nanother")
    os.write(1, b"behind its back\\n")
    subprocess.run([sys.executable, "-c", "print('of a child')"])
    print(sys.stdin.read() == "")
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            await scripted.say("go")
            for wanted in (
                "to the error output",
                "half and half",
                "another",
                "behind its back",
                "of a child",
                "True",
            ):
                assert (await scripted.entry(wanted)).kind is Utterance.PRINT
            assert scripted.texts[0] == "loaded script_s True neighbour Seen(text='x')"
            assert scripted.news > 0

    play(scene())


def test_a_saved_file_takes_over(tmp_path: Path) -> None:
    source = "from unmask_script import *\nfrom beside import word\ndef on_message(message): reply(word)\n"
    beside = tmp_path / "beside.py"
    beside.write_text("word = 'one'\n")

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            assert (await scripted.say("x")).sends[0].outgoing == text("one")
            scripted.save(source.replace("reply(word)", "reply(word + '!')"))
            await scripted.until(lambda: scripted.script.status.loads == 2, "it was loaded again")
            assert (await scripted.say("x")).sends[0].outgoing == text("one!")
            # One that it imports counts too.
            beside.write_text("word = 'second'\n")
            await scripted.until(lambda: scripted.script.status.loads == 3, "it was loaded again")
            assert (await scripted.say("x")).sends[0].outgoing == text("second!")
            scripted.script.restart()
            await scripted.until(lambda: scripted.script.status.loads == 4, "it was started again")
            await scripted.entry("s.py is started again.")
            assert scripted.script.status.state is ScriptState.RUNNING

    play(scene())


def test_one_that_was_asked_may_still_answer_after_a_save(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    source = f"""
import asyncio, os
from unmask_script import *

async def on_message(message):
    while not os.path.exists({str(gate)!r}):
        await asyncio.sleep(0.005)
    reply("the old one")
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            waits = scripted.put(Moment.MESSAGE, b"x")
            await scripted.state(ScriptState.RUNNING)
            scripted.save("from unmask_script import *\ndef on_message(message): reply('the new one')\n")
            await scripted.until(lambda: scripted.script.status.loads == 2, "it was loaded again")
            assert (await scripted.say("x", connection=80)).sends[0].outgoing == text("the new one")
            assert not waits.done()
            gate.touch()
            assert (await waits).sends[0].outgoing == text("the old one")

    play(scene())
