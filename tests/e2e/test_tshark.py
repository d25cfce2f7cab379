"""Nine ways to break RFC 6455, over real sockets: we flag all of them; Wireshark's dissector is asked the same."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.protocol.endpoint import ClientSide, Endpoint
from core.protocol.events import FrameReceived
from core.protocol.frames import FIN, RSV, Opcode, make_frame
from core.protocol.handshake import accept_key
from core.protocol.http11 import write_response
from tests.tools.pcapng import Conversation, Way, write_pcapng
from tests.tools.raw_peer import KEY, MASK, RawPeer
from tests.tools.served import Served, frames_of
from tests.tools.waiting import PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Offence:
    """What is wrong, the bytes that are, and the rules that they break."""

    name: str
    wire: bytes
    rules: frozenset[str]


def _offence(name: str, *rules: str, head: int, payload: bytes = b"", key: bytes | None = MASK) -> Offence:
    return Offence(name, make_frame(0, payload, masking_key=key)._replace(head=head).wire(), frozenset(rules))


OF_CLIENTS = (
    _offence("an unmasked client frame", "mask-missing", head=0x81, payload=b"plain", key=None),
    _offence("bad UTF-8", "text-not-utf8", head=0x81, payload=b"caf\xe9!"),
    _offence("a ping of 130 bytes", "control-too-long", head=0x89, payload=b"p" * 130),
    _offence("a fragmented ping", "control-fragmented", head=Opcode.PING, payload=b"part"),
    _offence("opcode 3", "opcode-reserved", head=FIN | 3, payload=b"reserved"),
    _offence("RSV1, RSV2 and RSV3", "rsv1-set", "rsv2-set", "rsv3-set", head=FIN | RSV | 1, payload=b"bits"),
    _offence("a close frame of one byte", "close-one-byte", head=0x88, payload=b"\x03"),
    _offence("close code 1005", "close-code-forbidden", head=0x88, payload=(1005).to_bytes(2, "big")),
)
OF_SERVERS = (_offence("a masked server frame", "mask-forbidden", head=0x81, payload=b"masked"),)


def offend_our_server(served: Served, offence: Offence, number: int = 1) -> tuple[set[str], Conversation]:
    """A client, the `number`th, breaks a rule; what the capture holds of it, and what was on the wire."""
    with RawPeer(served.port) as peer:
        request = peer.request()
        peer.send(request)
        response = peer.head()
        peer.send(offence.wire)
        answered = peer.rest()
        conversation = Conversation(
            peer.socket.getsockname()[1],
            [
                (Way.TO_SERVER, request),
                (Way.TO_CLIENT, response),
                (Way.TO_SERVER, offence.wire),
                (Way.TO_CLIENT, answered),
            ],
        )
    served.closed(number)
    first = frames_of(served.reader, number)[0]
    assert first.frame.wire() == offence.wire
    return {found.rule.id for found in first.violations}, conversation


def offend_our_client(offence: Offence) -> tuple[set[str], Conversation]:
    """A server that is nothing but a socket breaks a rule towards our client."""
    response = write_response(
        101, [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(KEY))]
    )
    heard: list[bytes] = []

    def misbehave(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(PATIENCE_SECONDS)
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += peer.recv(65536)
            heard.append(request)
            peer.sendall(response + offence.wire)
            while data := peer.recv(65536):
                heard.append(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=misbehave, args=(listener,), name="server")
        thread.start()
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as ours:
            request = (
                f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            )
            request += f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            connection = Endpoint(ClientSide(request.encode(), KEY))
            connection.begin()
            found: list[FrameReceived] = []
            while not connection.wants_close:
                ours.sendall(connection.data_to_send())
                data = ours.recv(65536)
                assert data, "the server went without a word"
                found += [
                    event for event in connection.receive_data(data) if isinstance(event, FrameReceived)
                ]
            ours.sendall(connection.data_to_send())
            client_port = ours.getsockname()[1]
        thread.join(PATIENCE_SECONDS)
    said = [(Way.TO_SERVER, heard[0]), (Way.TO_CLIENT, response), (Way.TO_CLIENT, offence.wire)]
    said += [(Way.TO_SERVER, data) for data in heard[1:]]
    return {each.rule.id for each in found[0].violations}, Conversation(client_port, said)


def flagged_by_tshark(capture: Path) -> dict[int, set[str]]:
    """Ports of the clients in whose conversations tshark complains about WebSocket, and with which words."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.fail("tshark is not installed; `make test` installs it, or says how.", pytrace=False)
    fields = ("tcp.srcport", "tcp.dstport", "_ws.expert.message", "_ws.malformed", "websocket.opcode")
    words = [tshark, "-n", "-r", str(capture), "-Y", "websocket || _ws.malformed", "-T", "fields"]
    words += [word for field in fields for word in ("-e", field)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS * 2, check=True)
    flagged: dict[int, set[str]] = {}
    for line in done.stdout.splitlines():
        source, target, message, malformed, _ = line.split("\t")
        port = int(target if source == "8080" else source)
        complaints = flagged.setdefault(port, set())
        complaints |= {each for each in (message, malformed and "malformed") if each}
    return flagged


@pytest.mark.parametrize("offence", OF_CLIENTS, ids=lambda offence: offence.name)
def test_a_violation_of_a_client_is_flagged(served: Served, offence: Offence) -> None:
    rules, _ = offend_our_server(served, offence)
    assert rules == offence.rules


def test_wireshark_flags_fewer(
    tmp_path: Path, served: Served, record_property: Callable[[str, object], None]
) -> None:
    conversations: dict[str, Conversation] = {}
    ours: list[str] = []
    for number, offence in enumerate(OF_CLIENTS, 1):
        rules, conversation = offend_our_server(served, offence, number)
        conversations[offence.name] = conversation
        ours += [offence.name] * (rules == offence.rules)
    for offence in OF_SERVERS:
        rules, conversation = offend_our_client(offence)
        conversations[offence.name] = conversation
        ours += [offence.name] * (rules == offence.rules)
    write_pcapng(tmp_path / "nine.pcapng", list(conversations.values()))
    flagged = flagged_by_tshark(tmp_path / "nine.pcapng")
    assert len(flagged) == 9, "tshark reads every conversation as WebSocket"
    theirs = [name for name, each in conversations.items() if flagged[each.client_port]]
    record_property("flagged by tshark", theirs)
    assert len(ours) == 9
    # What it flags is its own affair; that it reads what we wrote and flags less is why Unmask exists.
    assert len(theirs) < 9
