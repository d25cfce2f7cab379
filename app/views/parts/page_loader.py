"""Divides a payload into pages on other threads, and fetches the wanted one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.logic.shown_frame import is_at_hand
from app.runtime.jobs import Jobs
from app.runtime.stepping import Stepper
from core.decoders.context import Context
from core.decoders.decoder import Page, Pages
from core.decoders.registry import Decoders, Reading
from core.decoders.search import Hit
from core.decoders.source import Source


class PageLoader(QObject):
    """One payload at a time. Results for an older payload or page are ignored."""

    page_ready = Signal(object, object)
    """A `Page`, and the `Hit` to show in it or None; `number` is the page's number."""
    changed = Signal()
    """More pages are known, or another decoder took over."""
    failed = Signal(str)
    """The payload cannot be read; a sentence."""

    def __init__(self, jobs: Jobs, decoders: Decoders, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._decoders = decoders
        self.reading: Reading | None = None
        self.number = 0
        """Number of the page given out last."""
        self._pages: Pages | None = None
        self._page: Page | None = None
        self._stopped = False
        self._wanted: Hit | None = None
        """The hit to show as soon as its page is known."""
        self._asked = 0
        """Grows with every page asked for; answers to older requests are ignored."""
        self._next: Callable[[], None] | None = None
        """Asks for the wanted page while another one is being fetched."""
        self._is_fetching = False
        self._stepper = Stepper(jobs, self)
        self._stepper.stepped.connect(self._look)
        self._stepper.ended.connect(self._look)
        self._stepper.failed.connect(self._fail)

    @property
    def pages(self) -> Pages | None:
        return self._pages

    @property
    def is_preparing(self) -> bool:
        """Whether more pages are still being found."""
        return self._stepper.is_running

    @property
    def is_stopped(self) -> bool:
        """Whether the search for pages was stopped."""
        return self._stopped

    @property
    def is_complete(self) -> bool:
        """Whether all pages are known."""
        return not self.is_preparing and not self._stopped

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen without a request."""
        return not self.is_preparing and not self._is_fetching

    @property
    def done(self) -> int:
        """Bytes that the search for pages has processed."""
        return self._stepper.done

    def open(self, source: Source, context: Context, name: str | None, at: Hit | None = None) -> None:
        """Show a payload with the decoder `name`, or the best one; from its beginning or with `at` visible."""
        self.close()
        self.reading = Reading(self._decoders, source, context, name)
        self._wanted = at
        if is_at_hand(source):
            self._stepper.run_here(self.reading.steps())
        else:
            self._stepper.start(self.reading.steps())

    def close(self) -> None:
        """Forget the payload."""
        self._stepper.cancel()
        self.reading, self._pages, self._page, self._wanted, self._next = None, None, None, None, None
        self._stopped = False
        self.number = 0
        self._asked += 1

    def stop(self) -> None:
        """Find no more pages; known ones stay."""
        if self.is_preparing:
            self._stepper.cancel()
            self._stopped = True
            self.changed.emit()

    def show_page(self, number: int) -> None:
        """Ask for a page."""
        pages = self._pages
        if pages is not None and pages.count:
            chosen = max(0, min(number, pages.count - 1))
            self._wanted = None
            self._fetch(lambda: (chosen, pages.page(chosen)), None)

    def show_bytes(self, hit: Hit) -> None:
        """Ask for the page with these bytes, or wait until it is known."""
        pages = self._pages
        if pages is None or (hit.first >= pages.known and self.is_preparing):
            self._wanted = hit
            return
        self._wanted = None
        if self._page is not None and self._page.first <= hit.first < self._page.end:
            self.page_ready.emit(self._page, hit)
            return

        def find() -> tuple[int, Page]:
            number = pages.page_at(hit.first)
            return number, pages.page(number)

        self._fetch(find, hit)

    def _look(self) -> None:
        """React to progress of the reading."""
        assert self.reading is not None
        if self.reading.pages is not self._pages:
            if self._page is not None and self._wanted is None:
                # The decoder gave up: stay at the person's place.
                self._wanted = Hit(self._page.first, self._page.first)
            self._pages, self._page = self.reading.pages, None
            self._asked += 1
        self.changed.emit()
        pages = self._pages
        if pages is None or not pages.count:
            return
        if self._wanted is not None:
            self.show_bytes(self._wanted)
        elif self._page is None and not self._is_fetching:
            self.show_page(0)

    def _fetch(self, find: Callable[[], tuple[int, Page]], hit: Hit | None) -> None:
        self._asked += 1
        asked = self._asked
        if self.reading is not None and is_at_hand(self.reading.source):
            self._take(asked, find(), hit)
        elif self._is_fetching:
            self._next = lambda: self._fetch(find, hit)
        else:
            self._is_fetching = self._jobs.run(
                find, lambda found: self._take(asked, found, hit), lambda error: self._miss(asked, error)
            )
            if not self._is_fetching:
                self.failed.emit(
                    self.tr("Too much is under way to read this now; select it again in a moment.")
                )

    def _take(self, asked: int, found: tuple[int, Page], hit: Hit | None) -> None:
        self._is_fetching = False
        if asked == self._asked:
            self.number, self._page = found
            self.page_ready.emit(self._page, hit)
        self._go_on()

    def _miss(self, asked: int, error: Exception) -> None:
        self._is_fetching = False
        if asked == self._asked:
            self._fail(error)
        self._go_on()

    def _go_on(self) -> None:
        following, self._next = self._next, None
        if following is not None:
            following()
        elif self._page is None and self._pages is not None and self._pages.count and not self._is_fetching:
            self.show_page(0)

    def _fail(self, error: Exception) -> None:
        self.failed.emit(self.tr("This payload could not be read: {0}").format(error))
