"""A relay with rules between a client and a server that are nothing but sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.protocol.frames import Frame, FrameDecoder, make_frame
from core.protocol.handshake import accept_key
from core.protocol.http11 import write_response
from core.protocol.state import Role
from core.rules.decision import HeldMessage
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import KEY, MASK, RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.ruled import COMPILER
from tests.tools.served import Served, on_loop


def accepted(extensions: str = "") -> bytes:
    """The server's answer."""
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(KEY))]
    if extensions:
        headers.append(("Sec-WebSocket-Extensions", extensions))
    return write_response(101, headers)


def use(served: Served, *rules: Rule) -> None:
    """Let these rules apply, once that is so."""
    served.host.set_rules(COMPILER.book(rules))
    on_loop(served, lambda _: None)


def rule_on(
    filter: str,
    name: str,
    *,
    sender: Role | None = None,
    moment: Moment = Moment.MESSAGE,
    id: int = 1,
    **parameters: str,
) -> Rule:
    """A rule with one action."""
    return Rule(
        id, f"rule {id}", Condition(moment, filter, sender), (ActionText(name, tuple(parameters.items())),)
    )


@contextmanager
def relayed(served: Served, target: RawServer, extensions: str = "") -> Iterator[tuple[RawPeer, RawEnd]]:
    """A client and its server, past the opening handshake."""
    with RawPeer(served.relay(target.url)) as client:
        request = client.request()
        if extensions:
            request = request[:-2] + f"Sec-WebSocket-Extensions: {extensions}\r\n\r\n".encode()
        client.send(request)
        with target.accepted() as server:
            server.head()
            answer = accepted(extensions)
            server.send(answer)
            assert client.head() == answer
            yield client, server


def to_server(payload: bytes, opcode: int = 1, *, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame of the client's."""
    return make_frame(opcode, payload, fin=fin, rsv=rsv, masking_key=MASK).wire()


def to_client(payload: bytes, opcode: int = 1, *, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame of the server's."""
    return make_frame(opcode, payload, fin=fin, rsv=rsv).wire()


def next_frame(end: RawEnd) -> Frame:
    """The next frame that this end gets."""
    head = end.take(2)
    size = head[1] & 0x7F
    more = {126: 2, 127: 8}.get(size, 0) + (4 if head[1] & 0x80 else 0)
    header = head + end.take(more)
    length = size
    if size > 125:
        length = int.from_bytes(header[2 : 2 + (2 if size == 126 else 8)], "big")
    [frame] = FrameDecoder(1 << 26).feed(header + end.take(length))
    return frame


def held(served: Served, count: int = 1) -> list[HeldMessage]:
    """What is held, once it is so much."""
    served.captured(lambda _: served.host.held.total == count, f"{count} are held")
    return list(served.host.held.messages)
