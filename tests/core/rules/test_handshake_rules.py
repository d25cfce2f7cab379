"""Rules on requests and responses."""

from __future__ import annotations

import pytest

from core.rules.faults import RuleError
from core.rules.moment import Moment
from core.rules.rule import ActionText
from core.rules.verdict import CannedAnswer, HandshakeVerdict
from tests.tools.ruled import COMPILER, NOW_NS, about, action, hearing_of, rule

ORIGIN = b"Origin: https://example.com\r\n"


def requested(*then: ActionText, filter: str = "", headers: bytes = b"") -> HandshakeVerdict | None:
    hearing = hearing_of(rule(*then, moment=Moment.REQUEST, filter=filter))
    return hearing.request(about(headers=headers), NOW_NS)


def test_a_request_without_a_header_is_answered() -> None:
    then = action("answer", status="401", header="WWW-Authenticate: Bearer", body="no {path}")
    filter = 'not header["Authorization"]'
    assert requested(then, filter=filter, headers=b"Authorization: Bearer x\r\n") is None
    assert requested(then, filter=filter) == HandshakeVerdict(
        answer=CannedAnswer(
            401, (("WWW-Authenticate", "Bearer"), ("Content-Type", "text/plain; charset=utf-8")), b"no /chat"
        ),
        hits=(1,),
    )


@pytest.mark.parametrize("status", [101, 302, 401, 403, 429, 503])
def test_answers_without_a_body(status: int) -> None:
    assert requested(action("answer", status=str(status))) == HandshakeVerdict(
        answer=CannedAnswer(status), hits=(1,)
    )


def test_headers_are_changed() -> None:
    verdict = requested(
        action("remove-header", name="Cookie"), action("add-header", name="X-A", value="1"),
        action("set-header", name="Origin", value='{header["origin"]}\r\nX: y'),
        action("add-header", name="X-A", value="2"),
        action("redact-header", name="Authorization"), headers=ORIGIN,
    )  # fmt: skip
    assert verdict == HandshakeVerdict(
        removed=("Cookie", "Origin"),
        added=(("X-A", "1"), ("Origin", "https://example.com  X: y"), ("X-A", "2")),
        recorded_without=("Authorization",),
        hits=(1,),
    )


def test_what_else_can_be_done_to_a_response() -> None:
    hearing = hearing_of(
        rule(
            action("subprotocol", name="chat"), action("wrong-accept"), action("drop-extensions"),
            action("delay", by="2s"), action("silence"), moment=Moment.RESPONSE, filter="subprotocol == x",
        )
    )  # fmt: skip
    assert hearing.response(about(), NOW_NS) is None
    found = hearing_of(
        rule(
            action("subprotocol"), action("wrong-accept"), action("drop-extensions"), action("delay", by="2s"),
            action("silence"), moment=Moment.RESPONSE,
        )
    ).response(about(), NOW_NS)  # fmt: skip
    assert found == HandshakeVerdict(
        subprotocol="",
        drops_extensions=True,
        is_silent=True,
        breaks_accept=True,
        delay_seconds=2.0,
        hits=(1,),
    )


def test_a_stop_ends_the_list() -> None:
    hearing = hearing_of(
        rule(action("stop"), moment=Moment.REQUEST, filter="path == /chat"),
        rule(action("answer", status="503"), id=2, moment=Moment.REQUEST),
    )
    assert hearing.request(about(), NOW_NS) == HandshakeVerdict(hits=(1,))
    verdict = hearing.request(about(path="/other"), NOW_NS)
    assert verdict is not None
    assert verdict.answer == CannedAnswer(503)


@pytest.mark.parametrize(
    ("then", "moment", "message"),
    [
        (action("answer", status="503"), Moment.RESPONSE, "no action “answer” at the moment “response”"),
        (action("wrong-accept"), Moment.REQUEST, "no action “wrong-accept” at the moment “request”"),
        (action("answer", status="100"), Moment.REQUEST, "“status” cannot be 100"),
        (action("answer", status="302", header="Location"), Moment.REQUEST, "a name, a colon and a value"),
        (action("set-header", name="a b", value="1"), Moment.REQUEST, "a header’s name has letters"),
        (
            action("set-header", name="Content-Length", value="1"),
            Moment.REQUEST,
            "says where the message ends",
        ),
        (action("subprotocol", name="a b"), Moment.REQUEST, "cannot be a subprotocol"),
        (action("set-header", name="X", value="{payload}"), Moment.REQUEST, "“payload” is of a frame"),
    ],
)
def test_what_is_refused(then: ActionText, moment: Moment, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        COMPILER.check(rule(then, moment=moment))
    assert message in str(caught.value)
