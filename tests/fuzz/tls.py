"""What peers send before TLS is agreed on: a ClientHello, and certificates."""

from __future__ import annotations

from datetime import UTC, datetime

from core.net.tls.certificates import MOST_NAMES, describe_chain, split_chain
from core.protocol.client_hello import describe_tls, read_client_hello
from core.protocol.first_bytes import FirstBytes, judge_first_bytes
from tests.fuzz.script import Script, one_in

_WHEN = datetime(2026, 11, 28, tzinfo=UTC)
_CHECKED = 8


def run(data: bytes) -> None:
    """First byte: even, the rest is the beginning of a stream; odd, it is a chain of certificates."""
    script = Script(data)
    if script.byte() & 1:
        _check_chain(script.rest())
    else:
        _check_hello(script.rest(), every_cut=one_in(_CHECKED, data))


def _check_hello(stream: bytes, *, every_cut: bool) -> None:
    if judge_first_bytes(stream) is not FirstBytes.TLS:
        return
    found = read_client_hello(stream)
    assert describe_tls(stream).isprintable()
    if found is None:
        return
    assert found.server_name is None or len(found.server_name) <= 253
    # More bytes change nothing, and fewer are too few or say the same.
    assert read_client_hello(stream + b"\x00") == found
    for cut in range(6, len(stream)) if every_cut else ():
        assert read_client_hello(stream[:cut]) in (None, found)


def _check_chain(chain: bytes) -> None:
    described = describe_chain(chain, "a.example", _WHEN)
    assert tuple(each.der for each in described) == split_chain(chain)
    assert b"".join(each.der for each in described) == chain
    for each in described:
        texts = (each.subject, each.issuer, each.key, each.serial, each.problem, *each.names)
        assert all(text.isprintable() for text in texts)
        assert len(each.names) == min(each.name_count, MOST_NAMES)
