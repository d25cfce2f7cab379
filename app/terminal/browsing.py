"""The browser that the console opens, which goes through a proxy of Unmask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.logic.browser import BrowserProfiles, BrowserVisit, OpenBrowser, choose_browser, installed_browsers
from app.logic.client_lines import reachable
from core.net.tls.authority import AuthorityStore


class Browsing:
    """Opens one browser, and closes it at the end. The console's thread only."""

    def __init__(self, url: str, authority_folder: Path | None, tell_failed: Callable[[str], None]) -> None:
        """`tell_failed` gets a sentence, on another thread, if the browser ends at once or with a fault."""
        self._tell_failed = tell_failed
        self._url = url
        self._folder = authority_folder
        self._browser: OpenBrowser | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a browser was opened."""
        return self._browser is not None

    def open(self, proxy: str) -> str:
        """Open it for the proxy at this address; gives its name. Raises UnmaskError."""
        browser = choose_browser(installed_browsers())
        authority = AuthorityStore(self._folder).authority()
        visit = BrowserVisit(reachable(proxy), authority.spki_sha256, self._url)
        self._browser = OpenBrowser(browser, visit, BrowserProfiles(), tell_failed=self._tell_failed)
        return self._browser.name

    def end(self) -> None:
        """Close it if it still runs; its profile is removed."""
        if self._browser is not None:
            self._browser.end()
