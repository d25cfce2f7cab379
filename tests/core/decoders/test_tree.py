"""Trees of named values, their one printer, and the decoders that give them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoders import tree
from core.decoders.context import Context
from core.decoders.decoder import Confidence, DecodeError, Page, TokenKind
from core.decoders.json_tree import json_node
from core.decoders.registry import Reading, default_decoders
from core.decoders.socket_io import SocketIoDecoder
from core.decoders.source import Held
from core.decoders.tree import Node, Printed
from core.protocol.frames import Opcode
from tests.tools.pages import all_pages, joined, pages_of

SOCKET_IO = Context(Opcode.TEXT, path="/socket.io/?EIO=4&transport=websocket")
EVENT = '42/chat,7["message",{"user":"Ann","ids":[1,-2.5e3],"ok":true,"none":{}}]'
PRINTED = """\
Engine.IO: message
Socket.IO: event
namespace: /chat
acknowledge: 7
data
  0: "message"
  1
    user: "Ann"
    ids
      0: 1
      1: -2.5e3
    ok: true
    none: {}"""


@dataclass(frozen=True)
class Given:
    """A plug-in that gives the same nodes for every payload."""

    given: tuple[Node, ...]
    name: str = "given"
    title: str = "Given"
    help: str = "Gives what it was given."

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        return Confidence.CERTAIN if ends and context.opcode else Confidence.NONE

    def nodes(self, data: bytes, context: Context) -> tuple[Node, ...]:
        return self.given if data or context.path else ()


def reading_of(payload: bytes, context: Context) -> Reading:
    reading = Reading(default_decoders(), Held(payload), context)
    for _ in reading.steps():
        pass
    return reading


def line_of(page: Page, word: str) -> str:
    """Which bytes the line shows that has `word`, as they stand in the payload."""
    at = page.text.index(word)
    shown = page.bytes_of(at, at + len(word))
    return EVENT[shown.start : shown.stop]


def test_a_packet_is_printed_as_its_path_says_what_it_is() -> None:
    reading = reading_of(EVENT.encode(), SOCKET_IO)
    assert reading.pages is not None
    assert (joined(reading.pages), reading.notice) == (PRINTED, "")
    elsewhere = reading_of(EVENT.encode(), Context(Opcode.TEXT, path="/chat"))
    assert elsewhere.decoder is not None
    assert elsewhere.decoder.name == "text"


def test_every_value_knows_its_bytes_and_every_byte_its_line() -> None:
    (page,) = all_pages(reading_of(EVENT.encode(), SOCKET_IO).pages)  # type: ignore[arg-type]
    assert line_of(page, "namespace") == "/chat"
    assert line_of(page, "-2.5e3") == "-2.5e3"
    assert line_of(page, '"Ann"') == '"Ann"'
    at = EVENT.index("-2.5e3")
    best = page.places(at, at + 3)[0]
    assert page.text[best.start : best.end].strip() == "1: -2.5e3"
    kinds = {page.text[span.start : span.end]: span.kind for span in page.spans}
    assert (kinds["user"], kinds['"Ann"'], kinds["-2.5e3"], kinds["true"]) == (
        TokenKind.KEY,
        TokenKind.STRING,
        TokenKind.NUMBER,
        TokenKind.LITERAL,
    )


@pytest.mark.parametrize(
    ("packet", "lines"),
    [
        ("2", ["Engine.IO: ping"]),
        ("3probe", ["Engine.IO: pong", "data: probe"]),
        ("40", ["Engine.IO: message", "Socket.IO: connect"]),
        ('0{"sid":"x"}', ["Engine.IO: open", "data", '  sid: "x"']),
        ("451-[]", ["Engine.IO: message", "Socket.IO: binary event", "attachments: 1", "data: []"]),
        ("4hi", ["Engine.IO: message", "data: hi"]),
    ],
)
def test_packets(packet: str, lines: list[str]) -> None:
    pages = reading_of(packet.encode(), SOCKET_IO).pages
    assert pages is not None
    assert joined(pages).splitlines() == lines


@pytest.mark.parametrize(
    "packet", ["42[", '42{"a" 1}', '42{"a":1,}', "42[1,]", '42["a"', '42["\\x"]', "42[tru]", "42[]x"]
)
def test_a_broken_packet_is_shown_as_something_else_which_says_why(packet: str) -> None:
    reading = reading_of(packet.encode(), SOCKET_IO)
    assert reading.decoder is not None
    assert reading.decoder.name == "text"
    assert "Socket.IO: " in reading.notice


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_inside_has_all_its_values_in_their_places(value: object) -> None:
    data = b"42" + json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")

    def check(node: Node, expected: object) -> None:
        assert json.loads(data[node.first : node.end]) == expected
        inner = (
            expected.values()
            if isinstance(expected, dict)
            else expected
            if isinstance(expected, list)
            else ()
        )
        for child, item in zip(node.children, inner, strict=True):
            check(child, item)

    check(json_node("data", data, 2), json.loads(data[2:]))


def test_long_trees_come_in_pages() -> None:
    nodes = tuple(Node(f"n{number}", str(number), number, number + 1) for number in range(3000))
    pages = pages_of(Printed(Given(nodes), page=1000), bytes(3000))
    assert pages.count > 10
    assert joined(pages).splitlines() == [f"n{number}: {number}" for number in range(3000)]
    page = pages.page(pages.page_at(2345))
    (place,) = page.places(2345, 2346)
    assert page.text[place.start : place.end] == "n2345: 2345"


def test_bounds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = Node("end", "", 0, 1)
    for _ in range(tree.DEEPEST + 1):
        deep = Node("in", "", 0, 1, children=(deep,))
    with pytest.raises(DecodeError, match="nested deeper than the 200 levels"):
        pages_of(Printed(Given((deep,))), b"x")
    with pytest.raises(DecodeError, match="nested deeper"):
        SocketIoDecoder().nodes(b"42" + b"[" * 5000, SOCKET_IO)
    monkeypatch.setattr(tree, "MOST_NODES", 3)
    with pytest.raises(DecodeError, match="more than the 3 values"):
        pages_of(Printed(Given((Node("a", "", 0, 1),) * 4)), b"x")
    monkeypatch.setattr(tree, "LONGEST", 3)
    with pytest.raises(DecodeError, match="4 bytes are more than the 3"):
        pages_of(Printed(Given(())), b"four")


def test_nothing_of_a_peer_steers_and_long_values_say_that_they_are_cut() -> None:
    (page,) = all_pages(pages_of(Printed(Given((Node("a\u202e", "x\ny\x1b" + "z" * 40_000, 0, 99),))), b"12"))
    assert page.text.startswith("a\\u202e: x\\ny\\x1bzz")
    assert page.text.endswith("z …")
    assert page.notice == "Of longer values, the first 32,768 characters are shown."
    assert page.bytes_of(0, 5) == range(2)
