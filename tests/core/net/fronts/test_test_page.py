from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from core.net.fronts.test_page import load_test_page


class Page(HTMLParser):
    """Collects what the policy speaks about."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, str]] = []
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        for name, value in attrs:
            if name in ("src", "href"):
                self.loaded.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)
            if name == "id":
                self.ids.add(value or "")

    def handle_data(self, data: str) -> None:
        if self.lasttag in ("script", "style") and data.strip() and "{" in data:
            self.blocks.append((self.lasttag, data))


def parsed() -> Page:
    page = Page()
    page.feed(load_test_page().body.decode("utf-8"))
    return page


def test_the_policy_allows_exactly_the_blocks_of_the_page() -> None:
    policy = load_test_page().content_security_policy
    expected = {
        f"{tag}-src 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
        for tag, text in parsed().blocks
    }
    assert len(expected) == 2
    assert expected == set(re.findall(r"(?:script|style)-src [^;]*", policy))


def test_the_policy_has_no_loophole() -> None:
    policy = load_test_page().content_security_policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "\n" not in policy


def test_the_page_loads_nothing_and_has_no_inline_handlers() -> None:
    page = parsed()
    assert [address.split(",")[0] for address in page.loaded] == ["data:image/svg+xml"]
    assert page.handlers == []


def test_the_documented_ids_are_there() -> None:
    body = load_test_page().body.decode("utf-8")
    documented = re.search(r"<!--(.*?)-->", body, re.DOTALL)
    assert documented is not None
    named = re.findall(r"^    ([a-z-]+(?:, [a-z-]+)*)  ", documented[1], re.MULTILINE)
    ids = {name for line in named for name in line.split(", ")}
    assert ids == parsed().ids
