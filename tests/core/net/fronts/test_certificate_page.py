"""The page that offers the authority's certificate, and the texts that it shares with the window."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from core.net.fronts.certificate_guide import GuidePlaces, certificate_guides
from core.net.fronts.certificate_page import PublicCertificate, certificate_page
from core.protocol.handshake import Answer

CERTIFICATE = PublicCertificate(b"-----BEGIN", b"\x30der", b"\x30p12", "2036-11-25")
PLACES = GuidePlaces("127.0.0.1", 3128, "Unmask <b>&")


class Page(HTMLParser):
    """Collects the text, and what could load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


def page(path: str = "/", method: str = "GET", places: GuidePlaces = PLACES) -> Answer:
    return certificate_page(method, path, CERTIFICATE, places)


def header(answer: Answer, name: str) -> str:
    found = re.search(rf"^{name}: (.*)\r$", answer.head.decode(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_policy_allows_the_style_of_the_page_and_nothing_else() -> None:
    answer = page()
    text = answer.response[len(answer.head) :].decode()
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = header(answer, "Content-Security-Policy").split("; ")
    assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert set(policy[2:]) == {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"}
    found = Page(text)
    assert found.links == ["/unmask-ca.pem", "/unmask-ca.crt", "/unmask-ca.p12"]
    assert "script" not in found.tags
    assert found.handlers == []


def test_the_page_shows_every_step_as_text() -> None:
    found = Page(page().response.decode("latin-1"))
    for guide in certificate_guides(PLACES):
        assert guide.title in found.text
        for step in (*guide.steps, *guide.undo):
            assert all(line in found.text for line in step.lines)
    assert "b" not in found.tags
    assert sha256(CERTIFICATE.der).digest().hex(":").upper() in found.text


def test_all_systems_and_programs_have_a_guide() -> None:
    guides = certificate_guides(PLACES)
    assert [guide.key for guide in guides] == [
        *("linux", "macos", "windows", "android", "ios"),
        *("firefox", "java", "node", "python", "curl"),
    ]
    assert all(guide.steps for guide in guides)
    for guide in guides[:6]:
        assert guide.undo


def test_lines_name_the_proxy_and_ask_for_the_password_where_there_is_one() -> None:
    locked = GuidePlaces("::1", 3128, "Unmask", has_credentials=True)
    lines = [line for guide in certificate_guides(locked) for step in guide.steps for line in step.lines]
    assert any("http://USER:PASSWORD@[::1]:3128" in line for line in lines)
    assert any("--proxy-user USER:PASSWORD" in line for line in lines)
    open_lines = [line for guide in certificate_guides(PLACES) for step in guide.steps for line in step.lines]
    assert not any("PASSWORD" in line for line in open_lines)


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/unmask-ca.pem", b"-----BEGIN", "application/x-x509-ca-cert"),
        ("/unmask-ca.crt", b"\x30der", "application/x-x509-ca-cert"),
        ("/unmask-ca.p12", b"\x30p12", "application/x-pkcs12"),
    ],
)
def test_the_certificate_is_downloaded(path: str, body: bytes, content_type: str) -> None:
    answer = page(path)
    assert (answer.status, answer.response[len(answer.head) :]) == (200, body)
    assert header(answer, "Content-Type") == content_type
    assert path[1:] in header(answer, "Content-Disposition")


def test_other_requests_are_refused() -> None:
    assert page("/other").status == 404
    assert page(method="POST").status == 405
    whole, head = page(), page(method="HEAD")
    assert head.response == whole.head
