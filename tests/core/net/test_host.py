from __future__ import annotations

import errno
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.capture.numbering import Numbering
from core.capture.reader import CaptureReader
from core.errors import CaptureError
from core.net.engine import Engine
from core.net.failures import Failure, FailureKind
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import SourceState, SourceStatus
from core.protocol.frames import Opcode, make_frame
from core.protocol.outgoing import OutgoingMessage, OutgoingPing
from core.protocol.violations import Judgement
from tests.tools.raw_end import refuses
from tests.tools.raw_peer import RawPeer
from tests.tools.served import to_client
from tests.tools.waiting import PATIENCE_SECONDS

ANYWHERE = ListenAddress("127.0.0.1", 0)
HELLO = OutgoingMessage(Opcode.TEXT, b"hello")
HELLO_WIRE = make_frame(Opcode.TEXT, b"hello").wire()

News = tuple[str, object]


class Hosted:
    """A host, its thread, and what it told, in order."""

    def __init__(self, capture: Path) -> None:
        self._news: queue.Queue[News] = queue.Queue()
        self.host = EngineHost(capture, "0", EngineSettings(), load_test_page(), self)
        self.bug: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="engine")

    def _run(self) -> None:
        try:
            self.host.run()
        except Exception as error:
            self.bug = error

    def start(self) -> None:
        self.thread.start()

    def listen(self) -> int:
        """Listen anywhere; the port."""
        self.host.listen(ANYWHERE)
        return port_of(self.told("listening"))

    def news(self) -> News:
        """What is told next."""
        return self._news.get(timeout=PATIENCE_SECONDS)

    def told(self, what: str) -> object:
        """The value of the next news, which must be of this kind."""
        kind, value = self.news()
        assert kind == what, value
        return value

    def failed(self, kind: FailureKind, subject: str) -> str:
        """The sentence of the failure that is told next."""
        failure = self.told("failed")
        assert isinstance(failure, Failure)
        assert (failure.kind, failure.subject) == (kind, subject)
        return failure.sentence

    def nothing_told(self) -> bool:
        return self._news.empty()

    def end(self) -> None:
        self.host.stop()
        if self.thread.ident is not None:
            self.join()
        self.host.close()

    def join(self) -> None:
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()

    def on_loop(self, action: Callable[[Engine], object]) -> object:
        """Have `action` done on the loop; what it returned."""
        answers: queue.Queue[object] = queue.Queue()
        self.host.ask(lambda engine: answers.put(action(engine)))
        return answers.get(timeout=PATIENCE_SECONDS)

    def in_one_go(self, *asked: Callable[[], None]) -> None:
        """Ask for these while the loop can do nothing else."""

        def ask(_engine: Engine) -> None:
            for each in asked:
                each()

        self.on_loop(ask)

    # HostListener.

    def on_changed(self) -> None:
        pass

    def on_source(self, status: SourceStatus) -> None:
        if status.state is SourceState.RUNNING and not status.failure:
            self._news.put(("listening", status.addresses))
        elif status.state in (SourceState.STOPPED, SourceState.FAILED):
            self._news.put(("stopped", None))

    def on_failed(self, failure: Failure) -> None:
        self._news.put(("failed", failure))

    def on_sent(self, result: SendResult) -> None:
        self._news.put(("sent", result))

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        self._news.put(("moved", moved))


def port_of(addresses: object) -> int:
    assert isinstance(addresses, tuple)
    [address] = addresses
    return int(address.rpartition(":")[2])


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    hosted = Hosted(tmp_path / "a.unmask")
    yield hosted
    hosted.end()


def test_what_is_asked_before_run_is_done_by_it_in_order(hosted: Hosted) -> None:
    done: list[int] = []
    hosted.host.ask(lambda _engine: done.append(1))
    hosted.host.listen(ANYWHERE)
    request = hosted.host.send_to_all(HELLO)
    hosted.host.ask(lambda _engine: done.append(2))
    assert hosted.nothing_told()
    hosted.start()
    result = hosted.told("sent")
    assert isinstance(result, SendResult)
    assert (result.request_id, result.count) == (request, 0)
    assert result.error == "No connection is open: connect a client first."
    hosted.told("listening")
    assert done == [1, 2]


def test_nothing_is_done_after_stop(hosted: Hosted) -> None:
    hosted.start()
    port = hosted.listen()
    hosted.host.stop()
    hosted.join()
    hosted.told("stopped")
    assert refuses(port)
    hosted.host.listen(ANYWHERE)
    hosted.host.send_to_all(HELLO)
    hosted.host.stop_listening()
    hosted.host.ask(lambda _engine: pytest.fail("it was done"))
    hosted.host.stop()
    hosted.host.close()
    assert hosted.nothing_told()


def test_stop_before_run_ends_it_at_once_and_does_nothing_of_what_was_asked(hosted: Hosted) -> None:
    hosted.host.listen(ANYWHERE)
    hosted.host.ask(lambda _engine: pytest.fail("it was done"))
    hosted.host.stop()
    hosted.start()
    hosted.join()
    assert hosted.bug is None
    assert hosted.nothing_told()


def test_stop_right_behind_listen_leaves_no_port_open(hosted: Hosted) -> None:
    hosted.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hosted.in_one_go(lambda: hosted.host.listen(ListenAddress("127.0.0.1", port)), hosted.host.stop)
    hosted.join()
    while hosted.news()[0] == "listening":
        pass
    assert hosted.nothing_told()
    assert refuses(port)


def test_a_host_that_never_ran_can_be_closed(hosted: Hosted) -> None:
    hosted.host.close()
    hosted.host.close()
    with closing(CaptureReader(hosted.host.recorder.path)) as reader:
        assert reader.totals().connections == 0


def test_stop_closes_the_connections_as_going_away(hosted: Hosted) -> None:
    hosted.start()
    with RawPeer(hosted.listen()) as peer:
        peer.open()
        hosted.host.stop()
        assert peer.take(4)[2:] == (1001).to_bytes(2, "big")
    hosted.join()


def test_listening_again_replaces_listening_before(hosted: Hosted) -> None:
    hosted.start()
    before, after = hosted.listen(), hosted.listen()
    with RawPeer(after) as peer:
        peer.open()
    assert refuses(before)


def test_listen_and_stop_listening_come_about_in_the_order_of_asking(hosted: Hosted) -> None:
    hosted.start()
    hosted.in_one_go(lambda: hosted.host.listen(ANYWHERE), hosted.host.stop_listening)
    while hosted.news()[0] == "listening":
        pass
    hosted.in_one_go(hosted.host.stop_listening, lambda: hosted.host.listen(ANYWHERE))
    port_of(hosted.told("listening"))


def test_an_address_in_use_is_told_in_a_sentence(hosted: Hosted) -> None:
    hosted.start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        hosted.host.listen(ListenAddress("127.0.0.1", port))
        hosted.told("stopped")
        sentence = hosted.failed(FailureKind.LISTEN, f"127.0.0.1:{port}")
        assert sentence.startswith(f"Port {port} on 127.0.0.1 is in use by another program.")
    hosted.listen()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_in_use_leaves_the_listener_that_works(hosted: Hosted, host: str) -> None:
    hosted.start()
    port = hosted.listen()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        hosted.host.listen(ListenAddress(host, busy))
        sentence = hosted.failed(FailureKind.LISTEN, f"{host}:{busy}")
    assert sentence.startswith(f"Port {busy} on {host} is in use by another program.")
    assert sentence.endswith(f"Unmask goes on listening on 127.0.0.1:{port}.")
    with RawPeer(port) as peer:
        peer.open()


def test_a_port_is_taken_over_from_itself(hosted: Hosted) -> None:
    hosted.start()
    port = hosted.listen()
    hosted.host.listen(ListenAddress("0.0.0.0", port))
    assert hosted.told("listening") == (f"0.0.0.0:{port}",)
    hosted.host.listen(ListenAddress("0.0.0.0", port))
    assert hosted.told("listening") == (f"0.0.0.0:{port}",)
    with RawPeer(port) as peer:
        peer.open()


def test_a_port_that_is_its_own_only_in_part_leaves_the_listener(hosted: Hosted) -> None:
    hosted.start()
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        hosted.host.listen(ListenAddress("127.0.0.1", port))
        hosted.told("listening")
        hosted.host.listen(ListenAddress("0.0.0.0", port))
        sentence = hosted.failed(FailureKind.LISTEN, f"0.0.0.0:{port}")
    assert sentence.endswith(f"Unmask goes on listening on 127.0.0.1:{port}.")
    with RawPeer(port) as peer:
        peer.open()


def test_sending_tells_to_how_many_it_went(hosted: Hosted) -> None:
    hosted.start()
    port = hosted.listen()
    with RawPeer(port) as one, RawPeer(port) as two:
        one.open()
        two.open()
        request = hosted.host.send_to_all(HELLO)
        assert hosted.told("sent") == SendResult(request, None, 2)
        assert one.take(7) == two.take(7) == HELLO_WIRE
        request = hosted.host.send(to_client(1), OutgoingPing(b"?"))
        assert hosted.told("sent") == SendResult(request, None, 1)
        hosted.host.send(to_client(77), HELLO)
        result = hosted.told("sent")
        assert isinstance(result, SendResult)
        assert result.error == "Connection #77 is closed: nothing can be sent on it."


def test_what_cannot_be_done_is_told_and_no_bug(hosted: Hosted) -> None:
    hosted.start()
    hosted.host.ask(lambda engine: engine.disconnect(5))
    assert hosted.failed(FailureKind.COMMAND, "") == "Connection #5 is closed already."
    hosted.listen()


def raise_bug(_engine: Engine) -> None:
    raise ZeroDivisionError("a bug")


def test_a_bug_in_the_loop_comes_out_of_run(hosted: Hosted) -> None:
    hosted.start()
    port = hosted.listen()
    with RawPeer(port) as peer:
        peer.open()
        hosted.host.ask(raise_bug)
        assert peer.take(2)[0] == 0x88
    hosted.join()
    assert str(hosted.bug) == "a bug"
    assert refuses(port)


def test_a_bug_in_what_was_asked_before_run_comes_out_of_run(hosted: Hosted) -> None:
    hosted.host.ask(raise_bug)
    hosted.start()
    hosted.join()
    assert str(hosted.bug) == "a bug"


def test_a_fault_of_the_machine_is_told_and_the_loop_goes_on(hosted: Hosted) -> None:
    def fail(_engine: Engine) -> None:
        raise OSError(errno.ENETDOWN, "Network is down")

    hosted.start()
    hosted.host.ask(fail)
    assert "Network is down" in hosted.failed(FailureKind.NETWORK, "")
    hosted.listen()
    assert hosted.bug is None


def test_a_lack_of_descriptors_is_told_once(hosted: Hosted) -> None:
    """asyncio's own loop fails to accept again and again."""

    def fail(_engine: Engine) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    hosted.start()
    for _ in range(100):
        hosted.host.ask(fail)
    sentence = hosted.failed(FailureKind.NETWORK, "")
    assert "nearly all are in use: new clients are turned away" in sentence
    # It is told next.
    hosted.listen()
    assert hosted.bug is None


def test_settings_hold_for_the_next_connection_and_echo_for_the_next_message(hosted: Hosted) -> None:
    unmasked = make_frame(Opcode.TEXT, b"hello").wire()
    hosted.start()
    port = hosted.listen()
    with RawPeer(port) as before:
        before.open()
        hosted.host.ask(lambda engine: engine.set_auto_reply(AutoReply.ECHO))
        hosted.on_loop(lambda engine: engine.set_judgement(Judgement.TOLERANT))
        before.frame(Opcode.TEXT, b"hello")
        assert before.take(7) == HELLO_WIRE
        before.send(unmasked)
        assert before.take(4)[2:] == (1002).to_bytes(2, "big")
    with RawPeer(port) as after:
        after.open()
        after.send(unmasked)
        assert after.take(7) == HELLO_WIRE
        settings = EngineSettings()
        hosted.on_loop(
            lambda engine: engine.set_settings(
                replace(settings, limits=replace(settings.limits, message_bytes=10))
            )
        )
        after.frame(Opcode.TEXT, b"not too big here")
        after.frame(Opcode.PING)
        assert after.take(2) == b"\x8a\x00"
    with RawPeer(port) as limited:
        limited.open()
        limited.frame(Opcode.TEXT, b"too big by far")
        assert limited.take(4)[2:] == (1009).to_bytes(2, "big")


def test_the_capture_moves_while_recording(hosted: Hosted, tmp_path: Path) -> None:
    target = tmp_path / "saved.unmask"
    hosted.start()
    with RawPeer(hosted.listen()) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"one")
        hosted.host.save_as(tmp_path / "missing" / "saved.unmask")
        moved = hosted.told("moved")
        assert isinstance(moved, CaptureMoved)
        assert moved.error is not None
        hosted.host.save_as(target)
        assert hosted.told("moved") == CaptureMoved(target, None, Numbering())
        peer.frame(Opcode.TEXT, b"two")
        peer.frame(Opcode.CLOSE)
        peer.rest()
    hosted.end()
    with closing(CaptureReader(target)) as reader:
        assert [record.frame.payload for record in reader.frames_after(0, 2)] == [b"one", b"two"]


def test_a_capture_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CaptureError):
        Hosted(tmp_path / "file" / "a.unmask")
