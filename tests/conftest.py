"""What every test stands on, and the discipline that holds for all of them.

A test fails when it leaves a thread, a task, a socket or an event loop behind, when a record of WARNING or above
is logged that it did not declare (`@pytest.mark.expected_log("pattern")`), when Python warns, or when Qt prints
anything. No test sees the user's own folders.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.tools.display import Display, xvfb_with_openbox
from tests.tools.leftovers import Inventory
from tests.tools.logs import LogWatch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

GRACE_SECONDS = 30.0
_PATIENCE_MS = 60_000
_NUMBERS = itertools.count()
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Quiet, and with nothing but this machine in reach.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


# How long an example takes says nothing on a machine that is busy with something else.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "expected_log(*patterns): log records of WARNING and above that this test must cause"
    )
    # Programs of the tests inherit what a shell lets its background jobs ignore, and would not end by it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which everything of the user stands during a test; empty at its start."""
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_NUMBERS))
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for variable, folder in (
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
    ):
        monkeypatch.setenv(variable, str(home / folder))
    if sys.platform == "win32":
        monkeypatch.setenv("APPDATA", str(home / "Roaming"))
        monkeypatch.setenv("LOCALAPPDATA", str(home / "Local"))
    return home


@pytest.fixture(autouse=True)
def nothing_left_behind(user_folders: Path) -> Iterator[None]:  # noqa: ARG001 - it must come first and go last
    """Fails the test that leaves threads, unfinished tasks, sockets or event loops."""
    before = Inventory.now()
    yield
    left = before.left_since(GRACE_SECONDS)
    if left:
        pytest.fail("\n".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def no_unexpected_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test that logs what it did not declare, or declares what is not logged."""
    expected = [pattern for mark in request.node.iter_markers("expected_log") for pattern in mark.args]
    watch = LogWatch()
    logging.getLogger().addHandler(watch)
    yield
    logging.getLogger().removeHandler(watch)
    complaints = watch.complaints(expected)
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.fixture
def qtbot(qtbot: QtBot) -> QtBot:
    """A bot that waits long enough for a machine that is busy with something else."""
    for name in ("waitUntil", "waitSignal", "waitSignals", "waitExposed", "waitActive"):
        setattr(qtbot, name, partial(getattr(qtbot, name), timeout=_PATIENCE_MS))
    return qtbot


@pytest.fixture(scope="session")
def xvfb() -> Iterator[Display]:
    """A screen with a window manager, for programs that open real windows."""
    with xvfb_with_openbox() as display:
        yield display


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Per module, because Playwright's own event loop occupies the thread while it is open."""
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        pytest.fail("Chromium is not installed; `make test` installs it, or says how.", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a context of its own. What its console says as an error, or its scripts throw, fails the test."""
    context = chromium.new_context()
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    if errors:
        pytest.fail("the page reports: " + "\n".join(errors), pytrace=False)
