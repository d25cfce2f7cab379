"""The built-in test page and the Content-Security-Policy that fits it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

_BLOCK = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TestPage:
    """A page to answer a plain GET with; send both, and `text/html; charset=utf-8`."""

    __test__ = False  # a page, nothing for pytest to collect

    body: bytes
    content_security_policy: str


def load_test_page() -> TestPage:
    """The page of `resources/web/test_page.html`.

    The policy allows the page's own inline script and style by their hashes (CSP Level 3 section 8.3), WebSocket
    connections, and nothing else. FileNotFoundError where the resources were not installed.
    """
    body = (files("resources") / "web" / "test_page.html").read_bytes()
    hashes: dict[bytes, list[str]] = {b"script": [], b"style": []}
    for name, text in _BLOCK.findall(body):
        hashes[name].append(f"'sha256-{b64encode(sha256(text).digest()).decode()}'")
    policy = (
        "default-src 'none'",
        "script-src " + " ".join(hashes[b"script"]),
        "style-src " + " ".join(hashes[b"style"]),
        "img-src data:",
        "connect-src 'self' ws: wss:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return TestPage(body, "; ".join(policy))
