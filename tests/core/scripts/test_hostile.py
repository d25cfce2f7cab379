"""A script that loops, blocks, floods, fails or dies stops nothing: messages pass unchanged, and it is told why."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from core.protocol.outgoing import OutgoingMessage
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.verdict import Verdict
from core.scripts.command import child_command
from core.scripts.patience import Patience
from core.scripts.questions import MOST_BYTES
from core.scripts.records import Utterance
from core.scripts.script import ScriptState
from tests.tools.scripted import CALM, QUICK, Scripted, play
from tests.tools.waiting import until

_STARTS_WELL = "from unmask_script import *\ndef on_message(message): reply('well')\n"
WELL = b"well"


def answer(verdict: Verdict) -> bytes:
    """What a verdict sends."""
    [send] = verdict.sends
    assert isinstance(send.outgoing, OutgoingMessage)
    return send.outgoing.payload


async def runs_well_once_it_is_saved(scripted: Scripted) -> None:
    loads = scripted.script.status.loads
    scripted.save(_STARTS_WELL)
    await scripted.until(lambda: scripted.script.status.loads > loads, "it was loaded again")
    assert answer(await scripted.say("x")) == WELL


_STUCK = {
    "an endless loop": "while True: pass",
    "a pattern that takes for ever": "re.match('(a+)+$', 'a' * 64 + 'b')",
    "a sleep": "time.sleep(3600)",
    "printing without end": "\n        while True: print('again')",
    "printing behind its back": "\n        while True: os.write(2, b'again' * 10000)",
}


@pytest.mark.parametrize("what", _STUCK.values(), ids=_STUCK)
def test_what_never_returns(tmp_path: Path, what: str) -> None:
    source = f"""
import os, re, time
from unmask_script import *

def on_message(message):
    if message.text == "stuck":
        {what}
    reply("well")
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, QUICK) as scripted:
            await scripted.state(ScriptState.RUNNING)
            stuck = scripted.put(Moment.MESSAGE, b"stuck")
            behind = scripted.put(Moment.MESSAGE, b"behind")
            assert (await stuck, await behind) == (Verdict(), Verdict())
            await scripted.state(ScriptState.STUCK)
            # From now on nothing waits.
            assert scripted.put(Moment.MESSAGE, b"later").result() == Verdict()
            await scripted.until(lambda: scripted.script.status.unchanged == 3, "three passed")
            await scripted.entry("s.py takes longer than 0.5 s over a message of connection #7")
            await scripted.entry("s.py does not answer any more: everything passes unchanged until it does.")
            if sys.platform != "win32" and "write" not in what:
                place = await scripted.entry("this is where it is, in on_message")
                assert place.line == 7 + what.startswith("\n")
            await runs_well_once_it_is_saved(scripted)

    play(scene())


def test_one_that_is_stuck_is_ended_in_the_end(tmp_path: Path) -> None:
    source = "def on_message(message):\n    while True: pass\n"
    patience = Patience(answer_seconds=0.2, knock_seconds=0.1, stuck_seconds=0.2)

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, patience) as scripted:
            await scripted.state(ScriptState.RUNNING)
            assert await scripted.say("x") == Verdict()
            await scripted.state(ScriptState.OVER)
            assert "did not answer for 0.2 s and was ended" in scripted.script.status.trouble
            assert not scripted.script.is_asked(Moment.MESSAGE, Role.CLIENT)
            await runs_well_once_it_is_saved(scripted)

    play(scene())


def test_one_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    source = f"""
import os
from unmask_script import *

def on_message(message):
    while message.text == "wait" and not os.path.exists({str(gate)!r}):
        pass
    reply("well")
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, QUICK) as scripted:
            await scripted.state(ScriptState.RUNNING)
            assert await scripted.say("wait") == Verdict()
            await scripted.state(ScriptState.STUCK)
            gate.touch()
            await scripted.entry("s.py answers again. Messages that passed meanwhile: 0.")
            await scripted.state(ScriptState.RUNNING)
            # Its answer came too late to decide, but what it sends is not lost.
            await scripted.until(lambda: len(scripted.sent) == 1, "the late reply went out")
            assert answer(await scripted.say("x")) == WELL

    play(scene())


def test_an_async_function_that_waits_holds_up_no_other(tmp_path: Path) -> None:
    source = """
import asyncio
from unmask_script import *

async def on_message(message):
    if message.text == "wait":
        await asyncio.sleep(3600)
    reply("well")
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, QUICK) as scripted:
            await scripted.state(ScriptState.RUNNING)
            assert await scripted.say("wait") == Verdict()
            await scripted.entry("takes longer than 0.5 s")
            assert answer(await scripted.say("x")) == WELL
            assert scripted.script.status.state is ScriptState.RUNNING

    play(scene())


def test_async_functions_that_wait_are_late_together(tmp_path: Path) -> None:
    source = "import asyncio\nasync def on_message(message): await asyncio.sleep(3600)\n"

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, QUICK) as scripted:
            await scripted.state(ScriptState.RUNNING)
            waiting = [scripted.put(Moment.MESSAGE, b"x") for _ in range(20)]
            assert await asyncio.gather(*waiting) == [Verdict()] * 20
            # The first one, and all others once it is known that the script has begun with them.
            assert (await scripted.entry("takes longer than 0.5 s")).times == 2
            assert scripted.script.status.state is ScriptState.RUNNING

    play(scene())


def test_one_that_keeps_answering_is_not_late(tmp_path: Path) -> None:
    source = (
        "import time\nfrom unmask_script import *\ndef on_message(message): time.sleep(0.02); reply('well')\n"
    )

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, QUICK) as scripted:
            await scripted.state(ScriptState.RUNNING)
            waiting = [scripted.put(Moment.MESSAGE, b"x") for _ in range(50)]
            assert [answer(each) for each in await asyncio.gather(*waiting)] == [WELL] * 50

    play(scene())


def test_more_than_it_can_take_passes_unchanged(tmp_path: Path) -> None:
    source = "import asyncio\nasync def on_message(message): await asyncio.Event().wait()\n"

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, CALM) as scripted:
            await scripted.state(ScriptState.RUNNING)
            large = bytes(MOST_BYTES // 2)
            waiting = [scripted.put(Moment.MESSAGE, large) for _ in range(2)]
            assert scripted.put(Moment.MESSAGE, b"x", connection=80).result() == Verdict()
            assert scripted.put(Moment.MESSAGE, b"x", connection=80).result() == Verdict()
            assert len([each for each in scripted.texts if "is not fast enough" in each]) == 1
            assert not any(each.done() for each in waiting)
        # What waits when it is closed goes on too.
        assert all(each.result() == Verdict() for each in waiting)

    play(scene())


def test_a_large_message_is_not_asked_about(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", _STARTS_WELL) as scripted:
            assert answer(await scripted.ask(Moment.MESSAGE, bytes(16 * 2**20))) == WELL
            assert scripted.put(Moment.MESSAGE, bytes(64 * 2**20 + 1)).result() == Verdict()
            assert answer(await scripted.say("x")) == WELL

    play(scene())


_FAILURES = {
    "def on_message(message): raise KeyError(message.text)": "s.py, line 1, in on_message: KeyError: 'x'",
    "async def on_message(message): {}['y']": "s.py, line 1, in on_message: KeyError: 'y'",
    "def on_message(): pass": "s.py: TypeError: on_message() takes 0 positional arguments but 1 was given",
    "import sys\ndef on_message(message): sys.exit(3)": "s.py, line 2, in on_message: SystemExit: 3",
    "def on_message(message): message.json": "s.py, line 1, in on_message: json.decoder.JSONDecodeError: Exp",
    "def on_message(message): on_message(message)": "s.py, line 1, in on_message: RecursionError: maximum",
    "from unmask_script import *\ndef on_message(message): reply('x' * 2**27)": "s.py, line 2, in on_message: Val",
}


@pytest.mark.parametrize(("source", "sentence"), _FAILURES.items(), ids=range(len(_FAILURES)))
def test_an_exception_is_told_with_its_line(tmp_path: Path, source: str, sentence: str) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            assert await scripted.say("x") == Verdict()
            entry = await scripted.entry(sentence)
            assert entry.kind is Utterance.ERROR
            assert "core/scripts" not in entry.detail
            # It ends nothing, and takes one entry only.
            assert await scripted.say("x") == Verdict()
            await scripted.until(lambda: scripted.script.log.after()[-1].times == 2, "it was told twice")
            await scripted.state(ScriptState.RUNNING)

    play(scene())


_UNLOADABLE = {
    "def on_message(message:\n    pass\n": ("s.py, line 1: SyntaxError: ", 1),
    "x = 1\n\n1 / 0\n": ("s.py, line 3: ZeroDivisionError: division by zero", 3),
    "import not_there\n": ("s.py, line 1: ModuleNotFoundError: No module named 'not_there'", 1),
    "x = 1\n": ("s.py: ValueError: There is none of the functions that Unmask calls: on_open, on_message", 0),
    "on_message = 5\n": ("s.py: TypeError: on_message is no function.", 0),
    "import sys\nsys.exit()\n": ("s.py, line 2: SystemExit", 2),
    "x = '\0'\n": ("s.py", 0),
    "#" * (4 * 2**20 + 1): ("s.py: ValueError: The file is longer than 4 MiB", 0),
}


@pytest.mark.parametrize(("source", "told"), _UNLOADABLE.items(), ids=range(len(_UNLOADABLE)))
def test_a_file_that_does_not_run(tmp_path: Path, source: str, told: tuple[str, int]) -> None:
    sentence, line = told

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            assert await scripted.say("x") == Verdict()
            await scripted.state(ScriptState.OVER)
            status = scripted.script.status
            assert status.trouble.startswith(sentence)
            assert not line or status.line == line
            assert not scripted.script.is_asked(Moment.OPEN, Role.CLIENT)

    play(scene())


def test_a_file_that_did_not_run_is_put_right(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", "oops(\n") as scripted:
            await scripted.state(ScriptState.OVER)
            await runs_well_once_it_is_saved(scripted)

    play(scene())


def test_what_ran_before_goes_on_when_a_saved_version_does_not_run(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", _STARTS_WELL) as scripted:
            assert answer(await scripted.say("x")) == WELL
            scripted.save(_STARTS_WELL + "oops(\n")
            await scripted.state(ScriptState.EARLIER)
            assert scripted.script.status.line == 3
            assert scripted.script.status.trouble.endswith("What ran before goes on.")
            assert answer(await scripted.say("x")) == WELL
            await runs_well_once_it_is_saved(scripted)
            await scripted.state(ScriptState.RUNNING)
            assert scripted.script.status.trouble == ""

    play(scene())


def test_a_file_that_never_has_run(tmp_path: Path) -> None:
    patience = Patience(answer_seconds=0.1, knock_seconds=0.3, load_seconds=2)

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", "x = 1\nwhile True:\n    pass\n", patience) as scripted:
            # What comes meanwhile does not wait for that.
            assert await scripted.say("x") == Verdict()
            await scripted.state(ScriptState.OVER)
            assert "takes longer than 2 s to run once" in scripted.script.status.trouble
            if sys.platform != "win32":
                assert (await scripted.entry("this is where it is")).line in (2, 3)
            await runs_well_once_it_is_saved(scripted)

    play(scene())


_ENDS = {
    "os._exit(3)": "s.py ended by itself with status 3: everything passes unchanged.",
    "os.kill(os.getpid(), signal.SIGKILL)": "s.py was ended by the signal SIGKILL: everything passes unchanged.",
    "ctypes.string_at(0)": "s.py was ended by the signal SIGSEGV: everything passes unchanged.",
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("how", "sentence"), _ENDS.items(), ids=_ENDS)
def test_a_process_that_dies(tmp_path: Path, how: str, sentence: str) -> None:
    source = f"import ctypes, os, signal\ndef on_message(message):\n    {how}\n"

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            waiting = [scripted.put(Moment.MESSAGE, b"x") for _ in range(3)]
            assert await asyncio.gather(*waiting) == [Verdict()] * 3
            await scripted.state(ScriptState.OVER)
            assert scripted.script.status.trouble == sentence
            assert scripted.put(Moment.MESSAGE, b"x").result() == Verdict()
            scripted.script.restart()
            await scripted.state(ScriptState.RUNNING)

    play(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_one_that_is_killed_from_outside(tmp_path: Path) -> None:
    source = """
import asyncio, os
print("process", os.getpid())

async def on_message(message):
    await asyncio.sleep(999)
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            waiting = scripted.put(Moment.MESSAGE, b"x")
            number = int((await scripted.entry("process ")).text.split()[1])
            os.kill(number, signal.SIGKILL)
            assert await waiting == Verdict()
            await scripted.state(ScriptState.OVER)
            await runs_well_once_it_is_saved(scripted)

    play(scene())


def test_floods_are_cut(tmp_path: Path) -> None:
    source = """
from unmask_script import *

def on_message(message):
    for number in range(100_000):
        print(number)
    for _ in range(3000):
        message.connection.send("x")
    reply("well")
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            longest, loop = 0.0, asyncio.get_running_loop()
            waiting = scripted.put(Moment.MESSAGE, b"x")
            while not waiting.done():
                before = loop.time()
                await asyncio.sleep(0)
                longest = max(longest, loop.time() - before)
            assert answer(waiting.result()) == WELL
            assert len(scripted.sent) == 3000
            assert len(scripted.script.log.after()) <= 1000
            assert longest < 5.0
            await scripted.say("x")
            await scripted.entry("more lines in a second were left out.")

    play(scene())


def test_what_is_no_record_ends_the_process(tmp_path: Path) -> None:
    source = """
import os
from unmask_script import *

def on_message(message):
    for number in range(3, 20):
        try:
            os.write(number, b"\\xff" * 100)
        except OSError:
            pass
"""

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            assert await scripted.say("x") == Verdict()
            await scripted.state(ScriptState.OVER)
            assert scripted.script.status.trouble.startswith("s.py wrote to Unmask what it cannot read (")

    play(scene())


def test_a_file_that_is_removed_and_comes_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", _STARTS_WELL) as scripted:
            assert answer(await scripted.say("x")) == WELL
            scripted.path.unlink()
            await scripted.entry("s.py is not there any more: what ran goes on.")
            assert answer(await scripted.say("x")) == WELL
            await runs_well_once_it_is_saved(scripted)

    play(scene())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", None) as scripted:
            assert await scripted.say("x") == Verdict()
            await scripted.state(ScriptState.OVER)
            assert "No such file or directory" in scripted.script.status.trouble
            await runs_well_once_it_is_saved(scripted)

    play(scene())


def test_saved_again_while_it_loads(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", "import time\nprint('begun')\ntime.sleep(3600)\n") as scripted:
            waiting = scripted.put(Moment.MESSAGE, b"x")
            await scripted.entry("begun")
            await runs_well_once_it_is_saved(scripted)
            # The process that it was meant for is gone.
            assert await waiting == Verdict()

    play(scene())


def test_the_start_of_the_process_is_not_its_time(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    # Something else comes before it, such as a machine that is busy.
    command = child_command()
    start = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n{command[-1]}"

    async def scene() -> None:
        slow = (*command[:-1], start)
        async with Scripted(tmp_path / "s.py", _STARTS_WELL, QUICK, command=slow) as scripted:
            waiting = [scripted.put(Moment.MESSAGE, b"x") for _ in range(3)]
            done, _ = await asyncio.wait(waiting, timeout=3 * QUICK.answer_seconds)
            assert not done
            gate.touch()
            assert [answer(each) for each in await asyncio.gather(*waiting)] == [WELL] * 3

    play(scene())


def test_a_process_that_cannot_be_started(tmp_path: Path) -> None:
    async def scene() -> None:
        command = (str(tmp_path / "no-such-program"),)
        async with Scripted(tmp_path / "s.py", _STARTS_WELL, command=command) as scripted:
            assert await scripted.say("x") == Verdict()
            await scripted.state(ScriptState.OVER)
            assert scripted.script.status.trouble.startswith(
                "s.py cannot run, as there can be no process for it"
            )

    play(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="processes are ended otherwise")
def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    source = """
import subprocess, sys
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print("process", sleeper.pid)
def on_message(message): ...
"""

    async def scene() -> int:
        async with Scripted(tmp_path / "s.py", source) as scripted:
            return int((await scripted.entry("process ")).text.split()[1])

    number = play(scene())
    until(lambda: not is_running(number), "it has ended")


def is_running(number: int) -> bool:
    """Whether there is such a process that does something."""
    try:
        return " Z " not in Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False


def test_the_command_runs_anywhere(tmp_path: Path) -> None:
    assert child_command()[0] == sys.executable
    (tmp_path / "core.py").write_text("raise RuntimeError('not this one')\n")

    async def scene() -> None:
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            async with Scripted(Path("s.py"), _STARTS_WELL) as scripted:
                assert answer(await scripted.say("x")) == WELL
        finally:
            os.chdir(here)

    play(scene())


_REDACTING = """
import os, time
from unmask_script import *

def on_message(message):
    match message.text:
        case "slow": time.sleep(3600)
        case "die": os._exit(1)
        case "fail": {}["no"]
    redact("***")
"""
_HIDDEN = Verdict(recorded=b"")


def test_what_a_redacting_script_has_not_seen_is_not_recorded(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", _REDACTING, QUICK) as scripted:
            await scripted.state(ScriptState.RUNNING)
            script = scripted.script
            assert (await scripted.say("x"), script.unanswered) == (Verdict(recorded=b"***"), _HIDDEN)
            assert await scripted.say("fail") == _HIDDEN
            assert await scripted.say("slow") == _HIDDEN
            await scripted.state(ScriptState.STUCK)
            assert scripted.put(Moment.MESSAGE, b"x").result() == _HIDDEN
            script.restart()
            await scripted.state(ScriptState.RUNNING)
            assert await scripted.say("die") == _HIDDEN
            await scripted.state(ScriptState.OVER)
            # Nobody runs that could tell what is secret.
            assert script.is_asked(Moment.MESSAGE, Role.CLIENT)
            assert scripted.put(Moment.MESSAGE, b"x").result() == _HIDDEN
            assert scripted.put(Moment.CLOSE).result() == Verdict()
            await runs_well_once_it_is_saved(scripted)
            assert script.unanswered == Verdict()

    play(scene())


def test_that_it_redacts_is_known_before_it_has_run(tmp_path: Path) -> None:
    source = "import unmask_script, time\ntime.sleep(3600)\ndef on_message(m): unmask_script.redact('')\n"

    async def scene() -> None:
        async with Scripted(tmp_path / "s.py", source, CALM) as scripted:
            waiting = scripted.put(Moment.MESSAGE, b"x")
            await scripted.until(lambda: scripted.script.unanswered == _HIDDEN, "it is known")
        assert waiting.result() == _HIDDEN

    play(scene())
