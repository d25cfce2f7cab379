from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.logic.shown_handshake import ShownHandshake
from app.look.look import Look
from app.look.theme import Theme, ThemeChoice
from app.views.handshake.raw_head import MAX_SHOWN, split_lines
from app.views.handshake.view import HandshakeView
from app.views.parts.fact_table import FactTable
from core.capture.legs import HeadPlace, HeadRecord, LegEnd, LegRecord, Tls
from core.capture.records import ConnectionRecord, ConnectionState, Mode, Problem
from core.protocol.events import ClosedBy
from core.protocol.state import Role
from core.protocol.violations import Violation, violation
from tests.app.views.samples import CONNECTION, REFUSED, handshake


@pytest.fixture
def view(qtbot: QtBot, look: Look) -> Iterator[HandshakeView]:
    view = HandshakeView(look)
    view.resize(1100, 600)
    with qtbot.waitExposed(view):
        view.show()
    yield view
    view.close()
    view.deleteLater()


def show(view: HandshakeView, record: ConnectionRecord, *violations: Violation) -> None:
    view.show_handshake(handshake(record, *violations))


def rows(table: FactTable) -> list[tuple[str, ...]]:
    return [table.text_of(row) for row in range(table.rowCount())]


def test_the_accept_value_follows_step_by_step(view: HandshakeView) -> None:
    show(view, CONNECTION)
    # The key, the hash and the result of RFC 6455 section 1.3.
    steps = rows(view.accept)
    assert steps[0][1:] == (
        "dGhlIHNhbXBsZSBub25jZQ==",
        "The Base64 of 16 random bytes: 74 68 65 20 73 61 6d 70 6c 65 20 6e 6f 6e 63 65",
    )
    assert steps[1][1] == "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    assert steps[2][1] == "b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea"
    assert steps[3][1] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert steps[4][2] == "✓ The response carries exactly this."


def test_a_wrong_or_missing_accept_value_is_said(view: HandshakeView) -> None:
    wrong = CONNECTION.response.replace(b"s3pPLM", b"XXXXXX")
    show(view, replace(CONNECTION, response=wrong))
    assert rows(view.accept)[4][1:] == (
        "XXXXXXBiTxaQ9kYGzzhZRbK+xOo=",
        "✗ The response carries something else.",
    )
    show(view, replace(CONNECTION, response=b""))
    assert rows(view.accept)[4][1:] == ("—", "✗ The response carries none.")


@pytest.mark.parametrize(
    ("key", "said"),
    [(b"YWJj", "The Base64 of 3 bytes; it must be 16."), (b"a key!", "Not Base64")],
)
def test_a_bad_key_is_said(view: HandshakeView, key: bytes, said: str) -> None:
    request = CONNECTION.request.replace(b"dGhlIHNhbXBsZSBub25jZQ==", key)
    show(view, replace(CONNECTION, request=request))
    assert rows(view.accept)[0][2].startswith(said)


def test_headers_are_listed_in_order_and_explained(view: HandshakeView) -> None:
    show(view, CONNECTION)
    headers = rows(view.request_headers)
    assert [name for name, _, _ in headers[:3]] == ["Host", "Upgrade", "Connection"]
    assert headers[3][2].startswith("16 random bytes in Base64")
    assert rows(view.response_headers)[2][1] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_what_was_agreed_is_explained(view: HandshakeView) -> None:
    show(view, CONNECTION)
    agreed = rows(view.chosen)
    assert agreed[0][:2] == ("Subprotocol", "chat")
    assert "chat, superchat" in agreed[0][2]
    assert agreed[1][:2] == ("Extension", "permessage-deflate")
    assert agreed[2][1] == "client_max_window_bits=12"
    assert "4,096 bytes" in agreed[2][2]


def test_what_was_offered_and_not_taken_is_said(view: HandshakeView) -> None:
    show(view, replace(CONNECTION, subprotocol=None, extensions=""))
    assert rows(view.chosen) == [
        ("Subprotocol", "—", "The client offered chat, superchat; the server chose none."),
        ("Extensions", "—", "The client offered some; the server took none."),
    ]


def test_a_refused_handshake_shows_why_and_the_raw_bytes(view: HandshakeView) -> None:
    show(view, REFUSED, violation("version-not-13", "It is 8."), violation("header-without-colon"))
    assert view.title.text() == "GET /  →  426 Upgrade Required"
    assert "refused: Version 8 is not spoken here." in view.facts.text()
    assert view.violations.row_count() == 2
    assert "no colon here" in view.request.toPlainText()
    assert not view.accept.isVisible()
    assert not view.chosen.isVisible()


def test_bytes_that_are_no_http_are_shown_and_escaped(view: HandshakeView) -> None:
    raw = b"\x16\x03\x01\x02\x00\x01\xfc\xff<b>"
    refused = replace(REFUSED, request=raw, response=b"", status=400, state=ConnectionState.REFUSED)
    show(view, refused)
    assert view.title.text() == "These bytes are no HTTP request  →  400"
    shown = view.request.toPlainText()
    assert "<b>" in shown
    assert "\\xfc" in shown
    assert "\x16" not in shown
    assert rows(view.request_headers) == []


def test_line_ends_can_be_marked(view: HandshakeView) -> None:
    show(view, REFUSED)
    before = view.request.toPlainText()
    view.marks.setChecked(True)
    lines = view.request.toPlainText().split("\n")
    assert lines[0] == r"GET / HTTP/1.1\r\n"
    assert lines[2] == r"no colon here\n"
    view.marks.setChecked(False)
    assert view.request.toPlainText() == before


def test_lines_of_raw_bytes() -> None:
    assert split_lines(b"a\r\nb\n") == [("a", "\\r\\n"), ("b", "\\n"), ("", "")]
    last, mark = split_lines(b"a\r")[-1]
    assert last.startswith("a")
    assert "\r" not in last
    assert mark == ""


def test_an_endless_head_says_what_is_left_out(view: HandshakeView) -> None:
    show(view, replace(CONNECTION, request=b"x" * (MAX_SHOWN + 10)))
    assert view.request.toPlainText().endswith("… 10 bytes more, not shown here")


def test_the_same_handshake_is_not_built_again(view: HandshakeView) -> None:
    show(view, CONNECTION)
    view.verticalScrollBar().setValue(50)
    show(view, replace(CONNECTION, frame_count=7))
    assert view.verticalScrollBar().value() == 50
    show(view, replace(CONNECTION, id=9))
    assert view.verticalScrollBar().value() == 0


def test_bytes_after_the_last_frame_are_shown(view: HandshakeView) -> None:
    show(view, replace(CONNECTION, trailing=b"\x81" * 300, trailing_length=1000))
    assert rows(view.trailing) == [
        ("1\u202f000", " ".join(["81"] * 256), "These bytes are no frame. The first 256 are shown.")
    ]
    show(view, CONNECTION)
    assert rows(view.trailing) == []


def test_nothing_selected_and_both_looks_paint(view: HandshakeView, theme: Theme) -> None:
    for shown in (handshake(CONNECTION), handshake(REFUSED), None):
        view.show_handshake(shown)
        for choice in (ThemeChoice.DARK, ThemeChoice.LIGHT):
            theme.set_choice(choice)
            assert not view.grab().isNull()


def test_the_bytes_of_a_violation_are_marked(view: HandshakeView) -> None:
    request = b"GET /\xe4\xbd\xa0\xff\x1b HTTP/1.1\r\nHost: a\nX: \xf0\x9f\x91\x8b b\r\n\r\n"
    show(view, replace(REFUSED, request=request))
    for marked in (b"GET", b"\x1b HTTP", b"Host: a", b" b\r\n\r\n", request):
        where = (request.index(marked), len(marked))
        view.show_violation(violation("header-bad-value", "", *where), HeadPlace.CLIENT_REQUEST)
        shown = "\n".join(line for line, _ in split_lines(marked))
        assert view.request.marked_text().rstrip("\n") == shown.rstrip("\n")
    view.marks.setChecked(True)
    view.show_violation(violation("header-bad-value", "", request.index(b"X: "), 7), HeadPlace.CLIENT_REQUEST)
    assert view.request.marked_text() == "X: 👋"
    view.show_violation(violation("key-missing"), HeadPlace.CLIENT_REQUEST)
    assert view.request.marked_text() == ""
    show(view, replace(CONNECTION, mode=Mode.CONNECT))
    view.show_violation(violation("accept-wrong", "", 0, 8), HeadPlace.SERVER_RESPONSE)
    assert (view.request.marked_text(), view.response.marked_text()) == ("", "HTTP/1.1")


def test_the_parts_of_the_page_are_named_above_it(view: HandshakeView, qtbot: QtBot) -> None:
    view.resize(1000, 300)
    show(view, CONNECTION)
    assert view.anchors.words()[:2] == ["Raw", "Accept ✓"]
    assert "Trailing bytes" not in view.anchors.words()
    qtbot.waitUntil(lambda: view.verticalScrollBar().maximum() > 0)
    accept = next(each for each in view.anchors.findChildren(QToolButton) if each.text() == "Accept ✓")
    assert not in_sight(view, view.accept)
    accept.click()
    assert in_sight(view, view.accept)
    view.anchors.findChildren(QToolButton)[0].click()
    assert view.verticalScrollBar().value() == 0


def in_sight(view: HandshakeView, part: QWidget) -> bool:
    top = part.mapTo(view.viewport(), QPoint(0, 0)).y()
    return 0 <= top < view.viewport().height()


RELAYED = replace(CONNECTION, mode=Mode.RELAY, response=b"", state=ConnectionState.CLOSED, vanished=True)
MS = 1_000_000


def relayed(*heads: tuple[HeadPlace, bytes]) -> ShownHandshake:
    """A client and its server, 1 ms after which the client had its answer."""
    client = LegRecord(
        Role.CLIENT, 0, "10.0.0.1:5", "127.0.0.1:80", connected_ns=0, answered_ns=9 * MS, closed_ns=90 * MS
    )
    server = LegRecord(
        Role.SERVER, 1 * MS, "10.0.0.2:443", "127.0.0.1:7", Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
        connected_ns=3 * MS, secured_ns=6 * MS, answered_ns=9 * MS, first_message_ns=29 * MS, ended=LegEnd.CUT,
    )  # fmt: skip
    client.ended = LegEnd.VANISHED
    records = tuple(HeadRecord(place, raw, ()) for place, raw in heads)
    broken = (
        Problem(1, 1, None, violation("accept-wrong", "", 34, 9), HeadPlace.SERVER_RESPONSE),
        Problem(2, 1, None, violation("header-bad-value", "", 0, 3), HeadPlace.CLIENT_REQUEST),
    )
    record = replace(RELAYED, closed_by=ClosedBy.CLIENT)
    return ShownHandshake(record, records, (client, server), broken)


def test_what_went_on_otherwise_is_shown_and_marked(view: HandshakeView) -> None:
    passed = CONNECTION.request.replace(b"127.0.0.1:8080", b"example.com").replace(b"GET /", b"GET /base/")
    view.show_handshake(
        relayed(
            (HeadPlace.CLIENT_REQUEST, CONNECTION.request),
            (HeadPlace.SERVER_REQUEST, passed),
            (HeadPlace.SERVER_RESPONSE, CONNECTION.response),
        )
    )
    raw = view.raw
    assert raw.request.changed_text() == ["GET /chat HTTP/1.1", "Host: 127.0.0.1:8080"]
    assert raw.passed_request.changed_text() == ["GET /base/chat HTTP/1.1", "Host: example.com"]
    assert raw.passed_request_label.text().endswith("differs in: first line, Host")
    assert raw.passed_response_label.text() == "It went on to the client byte for byte."
    assert raw.passed_request.isVisible()
    assert not raw.passed_response.isVisible()
    assert "10.0.0.1:5 → Unmask at 127.0.0.1:80 → 10.0.0.2:443" in view.facts.text()
    assert "the client vanished without a closing handshake" in view.facts.text()


def test_an_accept_that_a_rule_has_changed_is_told_from_the_server_s(view: HandshakeView) -> None:
    changed = CONNECTION.response.replace(b"xOo=", b"xOO=")
    assert changed != CONNECTION.response
    heads = (HeadPlace.CLIENT_REQUEST, CONNECTION.request), (HeadPlace.SERVER_RESPONSE, CONNECTION.response)
    shown = relayed(*heads, (HeadPlace.CLIENT_RESPONSE, changed))
    ruled = tuple(replace(head, rules=("Wrong <b>accept</b>",)) for head in shown.heads)
    view.show_handshake(replace(shown, heads=ruled))
    assert [each[2][0] for each in rows(view.accept)[4:]] == ["✓", "✗"]
    assert rows(view.accept)[5][0] == "6  As the client got it"
    assert "rule Wrong <b>accept</b>" in view.facts.text()
    assert any(each.text() == "Accept ✗" for each in view.anchors.findChildren(QToolButton))
    view.show_handshake(relayed(*heads))
    assert len(rows(view.accept)) == 5


def test_what_never_reached_the_server_is_said(view: HandshakeView) -> None:
    shown = relayed(
        (HeadPlace.CLIENT_REQUEST, CONNECTION.request), (HeadPlace.CLIENT_RESPONSE, REFUSED.response)
    )
    view.show_handshake(replace(shown, legs=shown.legs[:1]))
    assert view.raw.response_label.text().startswith("Answer of Unmask to the client")
    assert view.raw.passed_request_label.text() == "It did not go on: there was no connection to the server."


def test_a_rule_is_marked_in_the_head_that_broke_it(view: HandshakeView) -> None:
    view.show_handshake(
        relayed(
            (HeadPlace.CLIENT_REQUEST, CONNECTION.request), (HeadPlace.SERVER_RESPONSE, CONNECTION.response)
        )
    )
    texts = [row.accessibleName() for row in view.violations.rows()]
    assert sorted(text.split(" · ")[1] for text in texts) == [
        "Request of the client",
        "Response of the server",
    ]
    for row in view.violations.rows():
        QTest.keyClick(row, Qt.Key.Key_Return)
        of_server = "Response" in row.accessibleName()
        assert view.request.marked_text() == ("" if of_server else "GET")
        assert view.response.marked_text() == (CONNECTION.response[34:43].decode() if of_server else "")


def test_each_step_of_the_opening_has_its_time(view: HandshakeView) -> None:
    view.show_handshake(relayed((HeadPlace.CLIENT_REQUEST, CONNECTION.request)))
    assert view.times.lines() == [
        "Finding and reaching the server 2.00 ms",
        "TLS with the server 3.00 ms",
        "Request and answer 3.00 ms",
        "Until the server's first message 20.0 ms",
    ]
    assert rows(view.legs)[2:] == [
        ("Encryption", "none: plain text", "TLSv1.3, TLS_AES_128_GCM_SHA256"),
        ("How it ended", "its other end vanished", "cut by Unmask, because the other one was over"),
    ]
    view.show_handshake(handshake(CONNECTION))
    assert not view.legs.isVisible()
