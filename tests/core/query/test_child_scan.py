"""Filters that may take for ever run in a process of their own, which can be ended at any time."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from multiprocessing import active_children
from pathlib import Path

import pytest

from core.errors import CaptureError, SearchError
from core.query.child_scan import ChildScan, may_take_long
from core.query.language import default_language
from tests.tools.hopeless import HOPELESS, TRAP
from tests.tools.program import Program
from tests.tools.recorded import CaptureMaker
from tests.tools.waiting import until

LANGUAGE = default_language()
_PATTERN = LANGUAGE.filter('payload ~ "^t"')


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[CaptureMaker]:
    with CaptureMaker(tmp_path / "made.unmask") as made:
        yield made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("payload ~ x", True),
        ("not (fin and path matches x)", True),
        ("fin or masked", False),
        ("payload contains x", False),
        ('fin and json("$.a") == 1', True),
        ("""not json("$[?search(@, '(a+)+$')]")""", True),
    ],
)
def test_which_filters_may_take_long(text: str, expected: bool) -> None:
    assert may_take_long(LANGUAGE.parse(text)) is expected


def test_it_finds_follows_and_says_what_is_wrong(maker: CaptureMaker, tmp_path: Path) -> None:
    peer = maker.peer()
    for text in ("one", "two", "three"):
        peer.say(text)
    maker.reader()
    with closing(ChildScan(maker.path, _PATTERN, lambda: True)) as scan:
        assert [frame for found in scan.run() for frame in found.frames] == [2, 3]
        peer.say("ten")
        maker.recorder.flush()
        assert [frame for found in scan.run(3) for frame in found.frames] == [4]
    with (
        closing(ChildScan(tmp_path / "nowhere", _PATTERN, lambda: True)) as scan,
        pytest.raises(CaptureError, match="nowhere"),
    ):
        list(scan.run())


def test_a_run_that_was_left_says_nothing_in_the_next_one(maker: CaptureMaker) -> None:
    peer = maker.peer()
    for text in ("one", "two", "three"):
        peer.say(text)
    maker.reader()
    with closing(ChildScan(maker.path, _PATTERN, lambda: True)) as scan:
        assert next(scan.run()).frames
        assert [frame for found in scan.run(2) for frame in found.frames] == [3]


def test_all_its_texts_have_to_match_each_read_by_itself(maker: CaptureMaker) -> None:
    for text in ("ten", "two", "one"):
        maker.peer().say(text)
    maker.reader()
    deep = "(" * 50 + "payload ~ t" + ")" * 50
    wanted = LANGUAGE.filter("connection == 2 or connection == 3", deep)
    with closing(ChildScan(maker.path, wanted, lambda: True)) as scan:
        assert [frame for found in scan.run() for frame in found.frames] == [2]


def test_patience_has_an_end(maker: CaptureMaker) -> None:
    maker.peer().say(TRAP)
    maker.reader()
    with closing(ChildScan(maker.path, LANGUAGE.filter(HOPELESS), lambda: True, 0.2)) as scan:
        run = scan.run()
        with pytest.raises(SearchError, match=r"longer than 0\.2 s"):
            next(run)
    assert not active_children()


_PARENT = """
import sys
from multiprocessing import active_children
from pathlib import Path
from core.query.child_scan import ChildScan
from core.query.language import default_language

def tell():
    print(active_children()[0].pid, flush=True)
    return True

if __name__ == "__main__":
    list(ChildScan(Path(sys.argv[1]), default_language().filter(sys.argv[2]), tell).run())
"""


_HALF_STARTED = """
import signal
import sys
from pathlib import Path
from core.query.child_scan import ChildScan
from core.query.language import default_language

def end(number, frame):
    sys.exit(128 + number)

def strike(frame, event, _result):
    names = frame.f_code.co_name, frame.f_back and frame.f_back.f_code.co_name
    if event == "return" and names == tuple(sys.argv[3:]):
        sys.setprofile(None)
        signal.raise_signal(int(sys.argv[2]))

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    sys.setprofile(strike)
    ChildScan(Path(sys.argv[1]), default_language().filter("payload ~ x"), lambda: True)
    print("not ended")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is started in another way")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", [("socketpair", "Pipe"), ("spawnv_passfds", "_launch")])
def test_a_signal_while_it_starts_ends_it_without_a_complaint(
    maker: CaptureMaker, tmp_path: Path, number: signal.Signals, place: tuple[str, str]
) -> None:
    maker.reader()
    script = tmp_path / "parent.py"
    script.write_text(_HALF_STARTED)
    command = [sys.executable, "-W", "error", str(script), str(maker.path), str(int(number)), *place]
    with Program(command, changes={"PYTHONPATH": "."}) as one:
        assert (one.wait(), one.errors, one.rest()) == (128 + number, "", [])


_SHORT_OF_FILES = """
import resource
import sys
from pathlib import Path
from core.errors import SearchError
from core.query.child_scan import ChildScan
from core.query.language import default_language

if __name__ == "__main__":
    wanted = default_language().filter("payload ~ x")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for files in range(3, 100):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
        try:
            ChildScan(Path(sys.argv[1]), wanted, lambda: True).close()
        except SearchError as error:
            assert "could not be started" in str(error)
        else:
            break
    print("started at last")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_process_that_cannot_be_started_says_so_wherever_it_fails(
    maker: CaptureMaker, tmp_path: Path
) -> None:
    maker.reader()
    script = tmp_path / "parent.py"
    script.write_text(_SHORT_OF_FILES)
    with Program([sys.executable, str(script), str(maker.path)], changes={"PYTHONPATH": "."}) as one:
        assert (one.wait(), one.errors, one.rest()) == (0, "", ["started at last"])


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_with_the_one_that_it_works_for_even_within_a_pattern(
    maker: CaptureMaker, tmp_path: Path
) -> None:
    maker.peer().say("a" * 60 + "b")
    maker.reader()
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    with Program(
        [sys.executable, str(script), str(maker.path), HOPELESS], changes={"PYTHONPATH": "."}
    ) as one:
        child = int(one.line())
        try:
            # It starts in less.
            until(lambda: _seconds(child) > 2, "it is within the pattern")
            one.process.send_signal(signal.SIGKILL)
            until(lambda: not _runs(child), "the child has ended too", 15)
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def _seconds(process: int) -> float:
    """Processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
