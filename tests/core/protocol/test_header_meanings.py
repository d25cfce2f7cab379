from __future__ import annotations

import pytest

from core.protocol.extensions import Extension
from core.protocol.header_meanings import extension_meaning, header_meaning, parameter_meaning

DEFLATE = Extension("permessage-deflate")


def test_header_names_are_matched_without_case() -> None:
    assert header_meaning("SEC-websocket-KEY") == header_meaning("Sec-WebSocket-Key")
    assert header_meaning("Sec-WebSocket-Key").endswith("RFC\u00a06455\u00a0§11.3.1")


def test_unknown_headers_have_no_meaning() -> None:
    assert header_meaning("X-Whatever") == ""


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("server_no_context_takeover", None, "The server starts with an empty window"),
        ("client_no_context_takeover", None, "The client starts with an empty window"),
        ("server_max_window_bits", "15", "at most 32,768 bytes"),
        ("client_max_window_bits", "9", "at most 512 bytes"),
        ("client_max_window_bits", None, "can limit its window"),
        ("client_max_window_bits", "99", "not valid"),
        ("mystery", None, "does not define"),
    ],
)
def test_parameters_of_permessage_deflate(name: str, value: str | None, part: str) -> None:
    assert part in parameter_meaning(DEFLATE, name, value)


def test_other_extensions() -> None:
    assert "DEFLATE" in extension_meaning("permessage-deflate")
    assert "not known" in extension_meaning("x-something")
    assert parameter_meaning(Extension("x-something"), "a", "1") == ""
