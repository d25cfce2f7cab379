"""The built-in test page, the Content-Security-Policy that fits it, and the front that serves it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from core.protocol.handshake import Answer, ServerPolicy, is_websocket_request, refuse, serve
from core.protocol.handshake_rules import check_host_is_local
from core.protocol.headers import explain
from core.protocol.http11 import RequestHead

_BLOCK = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TestPage:
    """The page for a plain GET; send both fields, and the type `text/html; charset=utf-8`."""

    __test__ = False  # a page, nothing for pytest to collect

    body: bytes
    content_security_policy: str


def load_test_page() -> TestPage:
    """The page of `resources/web/test_page.html`.

    Its policy allows the page's own inline script and style by hash (CSP Level 3 section 8.3), WebSocket connections,
    and nothing else. Raises FileNotFoundError if the resources are not installed.
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


class TestPageFront:
    """Serves the test page for every path."""

    __test__ = False

    def __init__(self, page: TestPage) -> None:
        self._page = page

    def answer(self, request: RequestHead, policy: ServerPolicy) -> Answer | None:
        """The page for GET and HEAD, if the Host is allowed."""
        if _means_websocket(request) or request.method not in ("GET", "HEAD"):
            return None
        answer = self._serve(request, policy)
        return answer.without_body() if request.method == "HEAD" else answer

    def _serve(self, request: RequestHead, policy: ServerPolicy) -> Answer:
        foreign = tuple(check_host_is_local(request.headers, policy.hosts))
        if foreign:
            return refuse(403, explain(foreign), foreign)
        if request.target == "/favicon.ico":
            return refuse(404, "There is no icon here.")
        headers = (
            ("Content-Security-Policy", self._page.content_security_policy),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        )
        return serve(200, "text/html; charset=utf-8", self._page.body, headers)


def _means_websocket(request: RequestHead) -> bool:
    """Whether the request is an opening handshake, even a broken one."""
    named = (name.lower() for name, _ in request.headers.items)
    return is_websocket_request(request) or any(name.startswith("sec-websocket-") for name in named)
