"""The self-test: the real window, a real client over loopback, and what each sees of the other.

It also runs in the packaged executable, so it needs only what the application has. Writes screenshots.
"""

from __future__ import annotations

import os
import queue
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QEventLoop, QSize, QTimer
from PySide6.QtWidgets import QApplication

from app.logic.source_lines import SourceLine, SourceState
from app.look.theme import ThemeChoice
from app.runtime.display import missing_display
from app.settings import Settings
from app.terminal.standard_streams import safe
from app.window.desktop import Desktop
from core.capture.records import ConnectionRecord, Direction, Mode, View
from core.capture.session_files import CaptureFolder
from core.errors import EnvironmentFailure
from core.net.connect_request import ConnectRequest, parse_url
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.relay import Relay
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Connect, Listen, What
from core.net.tls.settings import ServerTls
from core.net.upstream import parse_upstream
from core.protocol.endpoint import ClientSide, Endpoint
from core.protocol.events import FrameReceived, Origin, ResponseReceived
from core.protocol.frames import Opcode
from core.protocol.handshake import client_request, new_key
from core.protocol.outgoing import OutgoingMessage, Target
from core.protocol.state import Role
from core.scripts.script import ScriptState

_ANYWHERE = ListenAddress("127.0.0.1", 0)
_PATIENCE_MS = 20_000
_POLL_MS = 10
_SETTLE_MS = 150
"""Time for layouts, lazily filled tabs and a change of theme, which post further events."""
_SIZE = QSize(1360, 860)
_OFFER = "permessage-deflate; client_max_window_bits"
_GREETING = "你好，WebSocket 👋"
_JSON = (
    '{"type":"chat.message","room":"lobby","user":{"id":1042,"name":"Ada"},"text":"Is anybody here?",'
    '"tags":["greeting",null,true],"sent":1732273200.25}'
)
_SCRIPT = "from unmask_script import log\ndef on_message(message): log(message.text)\n"
_REPLY = '{"type":"chat.reply","text":"Yes: you can see every byte of it."}'


class SelfTestFailure(Exception):
    """A check failed."""


class _Client(threading.Thread):
    """A WebSocket client on a thread and a socket of its own."""

    def __init__(self, port: int) -> None:
        super().__init__(name="self-test-client", daemon=True)
        self._port = port
        self.received: queue.Queue[str] = queue.Queue(100)
        self._leave = threading.Event()

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_MS / 1000) as sock:
            host, key = f"127.0.0.1:{self._port}", new_key()
            request = client_request(
                host, "/chat?room=lobby", key, subprotocols=("chat.v2", "chat"), deflate=_OFFER
            )
            connection = Endpoint(ClientSide(request, key, ("chat.v2", "chat"), _OFFER))
            connection.begin()
            while True:
                sock.sendall(connection.data_to_send())
                data = sock.recv(65536)
                for event in connection.receive_data(data) if data else ():
                    if isinstance(event, ResponseReceived):
                        self._speak(connection)
                    elif isinstance(event, FrameReceived) and event.message is not None:
                        self.received.put(event.message.payload.decode())
                        self._say_goodbye(connection)
                if not data:
                    return

    def _speak(self, connection: Endpoint) -> None:
        origin = Origin.COMPOSED
        connection.send_message(Opcode.TEXT, _GREETING.encode(), origin=origin, compress=False)
        connection.send_message(Opcode.TEXT, _JSON.encode(), origin=origin)
        connection.send_message(Opcode.BINARY, bytes(range(256)), origin=origin, compress=False)
        connection.send_control(Opcode.PING, b"are you there?", origin=origin)
        connection.send_message(Opcode.TEXT, b"a message in three frames", origin=origin, fragments=3)

    def _say_goodbye(self, connection: Endpoint) -> None:
        connection.send_close(1000, "thank you", origin=Origin.COMPOSED)


class _Test:
    """The steps, in order."""

    def __init__(self, desktop: Desktop, folder: Path) -> None:
        self._desktop = desktop
        self._folder = folder

    def run(self) -> None:
        desktop, window = self._desktop, self._desktop.window
        window.resize(_SIZE)
        desktop.show(ListenAddress("127.0.0.1", 0))
        self._until("it listens", lambda: bool(window.listening.addresses))
        self.shot("empty")
        client = _Client(int(window.listening.addresses[0].rpartition(":")[2]))
        client.start()
        # Five messages, one of them in three frames, a ping, and our pong.
        self._until("the frames are in the table", lambda: window.frame_model.rowCount() >= 8)
        self._check_rows()
        window.connections.choose(1)
        self._until("the connection is selected", lambda: window.selection.connection is not None)
        desktop.engine.send_to([Target(1, Role.CLIENT)], OutgoingMessage(Opcode.TEXT, _REPLY.encode()))
        self._until("the reply arrives at the client", lambda: not client.received.empty())
        answer = client.received.get_nowait()
        if answer != _REPLY:
            raise SelfTestFailure(f"The client received {answer!r}, not {_REPLY!r}.")
        client.join(_PATIENCE_MS / 1000)
        self._until("the closing handshake is in the table", lambda: window.frame_model.rowCount() >= 11)
        self._shots()
        self._chain()
        self._script()

    def _chain(self) -> None:
        """A client of Unmask goes through its proxy to its relay to its server, all the way over TLS."""
        tls = ServerTls()
        server = self._started("server", Listen(_ANYWHERE, tls))
        relay = self._started("relay", Relay(_ANYWHERE, parse_url(f"wss://{server}/"), tls=tls))
        upstream = parse_upstream(f"http://{self._started('proxy', Proxy(_ANYWHERE))}")
        request = ConnectRequest(parse_url(f"wss://{relay}/chain"), upstream=upstream)
        self._started("client", Connect(request))
        self._until("all four are open", lambda: len(self._on_the_chain()) == len(Mode))
        [client] = [each.id for each in self._on_the_chain() if each.mode is Mode.CONNECT]
        message = OutgoingMessage(Opcode.TEXT, _GREETING.encode())
        self._desktop.engine.send_to([Target(client, Role.SERVER)], message)
        self._until(
            "the message came through", lambda: all(each.frame_count for each in self._on_the_chain())
        )
        reader = self._desktop.desk.reader
        assert reader is not None
        for record in self._on_the_chain():
            plain = [leg.side.name.lower() for leg in reader.legs(record.id) if leg.tls is None]
            if plain:
                raise SelfTestFailure(
                    f"#{record.id} ({record.mode.name.lower()}) has no TLS to the {plain[0]}."
                )
        self.shot("sources")

    def _script(self) -> None:
        """A script, in a process that is this program too, sees a message."""
        scripts = self._desktop.window.scripts
        with tempfile.TemporaryDirectory(prefix="unmask-self-test-") as folder:
            path = Path(folder) / "seen.py"
            path.write_text(_SCRIPT, encoding="utf-8")
            scripts.run(path)
            running = scripts.running
            if running is None:
                raise SelfTestFailure("The script has ended at once.")
            self._until("the script runs", lambda: running.status.state is ScriptState.RUNNING)
            [client] = [each.id for each in self._on_the_chain() if each.mode is Mode.CONNECT]
            message = OutgoingMessage(Opcode.TEXT, _GREETING.encode())
            self._desktop.engine.send_to([Target(client, Role.SERVER)], message)
            self._until(
                "the script saw a message",
                lambda: any(_GREETING in each.text for each in running.log.after()),
            )
            scripts.stop()

    def _started(self, name: str, what: What) -> str:
        """Start a source; gives where it listens, as `127.0.0.1:8080`."""
        sources = self._desktop.window.sources
        sources.add_for_this_run(name, what)

        def line() -> SourceLine:
            return next(each for each in sources.lines if each.name == name)

        self._until(f"the {name} runs", lambda: line().state is SourceState.RUNNING)
        return line().address

    def _on_the_chain(self) -> list[ConnectionRecord]:
        reader = self._desktop.desk.reader
        assert reader is not None
        return [each for each in reader.connections() if each.is_open and each.path.endswith("/chain")]

    def _check_rows(self) -> None:
        reader = self._desktop.desk.reader
        assert reader is not None
        rows = reader.rows(View(), 0, 100)
        sent = [row for row in rows if row.direction is Direction.CLIENT_TO_SERVER]
        texts = [row.preview.decode() for row in sent if row.message is not None and row.message.opcode == 1]
        expected = [_GREETING, _JSON, "a message in three frames"]
        if texts != expected:
            raise SelfTestFailure(f"The table holds the texts {texts}, not {expected}.")

    def _shots(self) -> None:
        window, theme = self._desktop.window, self._desktop.theme
        chosen = {"message": 1, "frame": 1, "bytes": 0, "handshake": 0}
        for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
            theme.set_choice(choice)
            for tab, row in chosen.items():
                window.frames.go_to_row(row)
                window.tabs.set_current_tab(tab)
                self.shot(f"{tab}-{choice.value}")

    def shot(self, name: str) -> None:
        """Take a screenshot of the window once it has settled."""
        settled = QEventLoop()
        QTimer.singleShot(_SETTLE_MS, settled.quit)
        settled.exec()
        path = self._folder / f"{name}.png"
        if not self._desktop.window.grab().save(str(path)):
            raise SelfTestFailure(f"{path} cannot be written. Name a folder that you may write to.")
        print(f"ok: {path.name}")

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for a condition while the window keeps working."""
        waited = QElapsedTimer()
        waited.start()
        loop = QEventLoop()
        tick = QTimer()
        tick.timeout.connect(lambda: loop.quit() if holds() or waited.hasExpired(_PATIENCE_MS) else None)
        tick.start(_POLL_MS)
        loop.exec()
        tick.stop()
        if not holds():
            raise SelfTestFailure(f"After {_PATIENCE_MS // 1000} s it is not so that {what}.")
        print(f"ok: {what}")


def run_self_test(folder: Path) -> int:
    """Run all checks; gives the exit status. Screenshots go to `folder`."""
    if missing_display() is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailure(
            f"No screenshots can be kept in {folder}: {error}. Name another folder."
        ) from error
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory(prefix="unmask-self-test-") as temporary:
        settings = Settings.at(Path(temporary) / "settings.ini")

        def adjust(engine: EngineSettings) -> EngineSettings:
            # An authority of its own, which nobody vouches for.
            tls = replace(engine.tls, authority_folder=Path(temporary), exceptions=parse_hosts("127.0.0.1"))
            return replace(engine, tls=tls)

        folder_of_captures = CaptureFolder(Path(temporary) / "captures")
        desktop = Desktop(application, settings, folder_of_captures, adjust=adjust)
        try:
            _Test(desktop, folder).run()
        except SelfTestFailure as failure:
            print(f"FAILED: {safe(str(failure))}", file=sys.stderr)
            return 1
        finally:
            desktop.close()
    print("The self-test has passed.")
    return 0
