"""Agreeing on permessage-deflate (RFC 7692 section 7.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

from core.protocol.deflate import (
    DeflateParameters,
    DeflatePolicy,
    Extension,
    check_agreed,
    negotiate_server,
    parse_extensions,
)

PLAIN = DeflatePolicy()
BITS = st.none() | st.integers(8, 15)


def offers(*values: str) -> tuple[Extension, ...]:
    extensions, broken = parse_extensions(values)
    assert not broken
    return extensions


def answer(offer: str, policy: DeflatePolicy = PLAIN) -> str | None:
    """The response header to `offer`."""
    parameters, _ = negotiate_server(offers(offer), policy)
    return None if parameters is None else parameters.header()


@pytest.mark.parametrize(
    ("offer", "header"),
    [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        ("permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8"),
        ('permessage-deflate; server_max_window_bits="10"', "permessage-deflate; server_max_window_bits=10"),
        # Section 7.1.2.1: accepted only by naming it back.
        ("permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"),
        ("permessage-deflate; client_max_window_bits=9", "permessage-deflate; client_max_window_bits=9"),
        ("foo, permessage-deflate", "permessage-deflate"),
        ("foo", None),
        ("x-webkit-deflate-frame", None),
    ],
)
def test_the_servers_answer(offer: str, header: str | None) -> None:
    assert answer(offer) == header


def test_policy_tightens() -> None:
    policy = DeflatePolicy(
        server_no_context_takeover=True,
        client_no_context_takeover=True,
        server_max_window_bits=11,
        client_max_window_bits=12,
    )
    words = (
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits="
    )
    assert (
        answer("permessage-deflate; client_max_window_bits", policy)
        == words + "11; client_max_window_bits=12"
    )
    assert (
        answer("permessage-deflate; client_max_window_bits=10; server_max_window_bits=9", policy)
        == words + "9; client_max_window_bits=10"
    )
    # Section 7.1.2.2: not without the client's word.
    assert answer("permessage-deflate", policy) == words + "11"


@pytest.mark.parametrize(
    ("offer", "rule"),
    [
        ("permessage-deflate; window=8", "deflate-parameter-unknown"),
        ("permessage-deflate; Client_max_window_bits", "deflate-parameter-unknown"),
        (
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "deflate-parameter-repeated",
        ),
        (
            "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
            "deflate-parameter-repeated",
        ),
        ("permessage-deflate; server_no_context_takeover=1", "deflate-parameter-value"),
        ("permessage-deflate; client_no_context_takeover=true", "deflate-parameter-value"),
        ("permessage-deflate; server_max_window_bits", "deflate-parameter-value"),
        ("permessage-deflate; server_max_window_bits=7", "deflate-parameter-value"),
        ("permessage-deflate; server_max_window_bits=16", "deflate-parameter-value"),
        ("permessage-deflate; server_max_window_bits=08", "deflate-parameter-value"),
        ("permessage-deflate; client_max_window_bits=0x9", "deflate-parameter-value"),
        ("permessage-deflate; client_max_window_bits=+9", "deflate-parameter-value"),
    ],
)
def test_a_bad_offer_is_declined_and_the_next_one_taken(offer: str, rule: str) -> None:
    parameters, why = negotiate_server(offers(offer), PLAIN)
    assert parameters is None
    assert [violation.rule.id for violation in why] == [rule]
    assert why[0].detail
    fallback = offers(offer, "permessage-deflate; client_no_context_takeover", "permessage-deflate")
    assert negotiate_server(fallback, PLAIN) == (DeflateParameters(client_no_context_takeover=True), why)


@pytest.mark.parametrize(
    ("response", "offer", "rules"),
    [
        ("permessage-deflate", "foo", ["extension-not-offered"]),
        ("foo, permessage-deflate", "permessage-deflate", ["extension-not-offered"]),
        ("permessage-deflate, permessage-deflate", "permessage-deflate", ["deflate-accepted-twice"]),
        (
            "permessage-deflate; client_max_window_bits=9",
            "permessage-deflate",
            ["deflate-parameter-not-offered"],
        ),
        (
            "permessage-deflate; server_max_window_bits=12",
            "permessage-deflate; server_max_window_bits=11",
            ["deflate-window-enlarged"],
        ),
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=11", ["deflate-window-enlarged"]),
        (
            "permessage-deflate; client_max_window_bits=12",
            "permessage-deflate; client_max_window_bits=11",
            ["deflate-window-enlarged"],
        ),
        # The second offer is the one that was taken.
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=11, permessage-deflate", []),
        ("permessage-deflate; server_max_window_bits=8", "permessage-deflate", []),
    ],
)
def test_a_response_beyond_the_offer(response: str, offer: str, rules: list[str]) -> None:
    parameters, broken = check_agreed(offers(response), offers(offer))
    assert [violation.rule.id for violation in broken] == rules
    assert parameters is not None


@pytest.mark.parametrize(
    ("response", "rule"),
    [
        ("permessage-deflate; foo", "deflate-parameter-unknown"),
        (
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
            "deflate-parameter-repeated",
        ),
        ("permessage-deflate; client_max_window_bits", "deflate-parameter-value"),
        ("permessage-deflate; server_max_window_bits", "deflate-parameter-value"),
        ("permessage-deflate; server_no_context_takeover=0", "deflate-parameter-value"),
    ],
)
def test_an_unusable_response(response: str, rule: str) -> None:
    parameters, broken = check_agreed(offers(response), offers("permessage-deflate; client_max_window_bits"))
    assert parameters is None
    assert [violation.rule.id for violation in broken] == [rule]


def test_nothing_accepted() -> None:
    assert check_agreed((), offers("permessage-deflate")) == (None, ())


@given(
    st.booleans(),
    st.booleans(),
    BITS,
    st.none() | st.just(True) | st.integers(9, 15),
    st.booleans(),
    st.booleans(),
    BITS,
    BITS,
)
def test_the_client_of_websockets_agrees(
    server_forgets: bool,
    client_forgets: bool,
    server_bits: int | None,
    client_bits: int | bool | None,
    want_server_forgets: bool,
    want_client_forgets: bool,
    want_server_bits: int | None,
    want_client_bits: int | None,
) -> None:
    client = ClientPerMessageDeflateFactory(server_forgets, client_forgets, server_bits, client_bits)
    params = tuple(client.get_request_params())
    policy = DeflatePolicy(want_server_forgets, want_client_forgets, want_server_bits, want_client_bits)
    ours, why = negotiate_server((Extension("permessage-deflate", params),), policy)
    assert ours is not None
    assert why == ()
    if ours.client_max_window_bits == 8:
        return  # their compressor refuses a window of 8 bits
    response = offers(ours.header())
    theirs = client.process_response_params(list(response[0].params), [])
    assert isinstance(theirs, PerMessageDeflate)
    assert theirs.remote_no_context_takeover == ours.server_no_context_takeover
    assert theirs.local_no_context_takeover == ours.client_no_context_takeover
    assert theirs.remote_max_window_bits == ours.server_max_window_bits
    assert theirs.local_max_window_bits == ours.client_max_window_bits
    agreed, broken = check_agreed(response, (Extension("permessage-deflate", params),))
    assert agreed is not None
    assert agreed.header() == ours.header()
    assert broken == ()
