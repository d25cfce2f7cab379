"""Finds an installed browser, and starts it with a profile of its own that goes through a proxy of Unmask.

The profile trusts the local authority by its key; nothing is installed on the system. The profile is a private folder
that is removed when the browser has ended, or at the next start if Unmask did not live to see that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.decoders.visible import terminal_text
from core.errors import EnvironmentFailure

_PREFIX = "profile-"
_PIDS = "unmask-pids"
"""A file in the profile: the process numbers of Unmask and of the browser."""
_END_SECONDS = 5.0
_AT_ONCE_SECONDS = 2.0
"""A browser that ends before this has shown nothing."""
_LAST_WORDS_BYTES = 2000
_LAST_WORDS_SECONDS = 1.0
"""How long the last words are waited for, as helpers of a browser may keep its standard error open."""
_REMOVE_TRIES = 20
_REMOVE_PAUSE_SECONDS = 0.1

_LINUX = (
    ("Chromium", ("chromium", "chromium-browser")),
    ("Chrome", ("google-chrome", "google-chrome-stable")),
    ("Edge", ("microsoft-edge", "microsoft-edge-stable")),
    ("Brave", ("brave-browser", "brave")),
)
_MACOS = (
    ("Chromium", "Chromium"),
    ("Chrome", "Google Chrome"),
    ("Edge", "Microsoft Edge"),
    ("Brave", "Brave Browser"),
)
_WINDOWS = (
    ("Chromium", r"Chromium\Application\chrome.exe"),
    ("Chrome", r"Google\Chrome\Application\chrome.exe"),
    ("Edge", r"Microsoft\Edge\Application\msedge.exe"),
    ("Brave", r"BraveSoftware\Brave-Browser\Application\brave.exe"),
)
_QUIET = (
    *("--no-first-run", "--no-default-browser-check", "--disable-default-apps", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-domain-reliability"),
    *("--metrics-recording-only", "--disable-features=OptimizationHints,MediaRouter,Translate"),
    # No question for the password of a keyring or keychain.
    *("--password-store=basic", "--use-mock-keychain"),
)
"""What keeps a fresh profile from asking the person, and servers of its maker."""


class BrowserError(EnvironmentFailure):
    """No browser could be started."""


@dataclass(frozen=True, slots=True)
class InstalledBrowser:
    """A browser that understands Chromium's options."""

    name: str
    path: Path

    @property
    def is_snap(self) -> bool:
        """Whether it sees only its own folders."""
        return self.path.is_relative_to("/snap")


@dataclass(frozen=True, slots=True)
class BrowserVisit:
    """What a browser is to do."""

    proxy: str
    """Where the proxy listens, such as `127.0.0.1:3128`."""
    spki: str
    """Base64 of the SHA-256 of the authority's public key (SubjectPublicKeyInfo)."""
    url: str = "http://unmask.local/"


def installed_browsers(
    system: str = sys.platform, environment: Mapping[str, str] = os.environ, home: Path | None = None
) -> list[InstalledBrowser]:
    """All that are found, Chromium first."""
    if system == "win32":
        roots = [environment.get(name) for name in ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData")]
        found = [
            InstalledBrowser(name, Path(root, *place.split("\\")))
            for name, place in _WINDOWS
            for root in roots
            if root
        ]
    elif system == "darwin":
        folders = (Path("/Applications"), (home or Path.home()) / "Applications")
        found = [
            InstalledBrowser(name, folder / f"{title}.app" / "Contents" / "MacOS" / title)
            for name, title in _MACOS
            for folder in folders
        ]
    else:
        path = environment.get("PATH")
        found = [
            InstalledBrowser(name, Path(place))
            for name, commands in _LINUX
            for command in commands
            if (place := shutil.which(command, path=path)) is not None
        ]
    existing = [each for each in found if each.path.is_file()]
    return [each for at, each in enumerate(existing) if each.name not in {one.name for one in existing[:at]}]


def choose_browser(found: Sequence[InstalledBrowser]) -> InstalledBrowser:
    """The first one. Raises BrowserError if there is none."""
    if not found:
        raise BrowserError(
            "There is no Chromium, Chrome, Edge or Brave on this machine. Install one of them, or set the proxy in the "
            "settings of another browser: the proxy's own page tells how."
        )
    return found[0]


def command_line(browser: InstalledBrowser, visit: BrowserVisit, profile: Path) -> list[str]:
    """The browser's command line."""
    return [
        str(browser.path),
        f"--user-data-dir={profile}",
        f"--proxy-server=http://{visit.proxy}",
        # Without this, a browser goes to this machine's own addresses directly.
        "--proxy-bypass-list=<-loopback>",
        f"--ignore-certificate-errors-spki-list={visit.spki}",
        *_QUIET,
        visit.url,
    ]


class BrowserProfiles:
    """The folders in which browsers keep what they do."""

    def __init__(self, folder: Path | None = None, snap_folder: Path | None = None) -> None:
        self._folder = folder or Path(platformdirs.user_cache_dir("unmask", appauthor=False)) / "browsers"
        self._snap_folder = snap_folder or Path.home() / "snap" / "chromium" / "common" / "unmask-browsers"

    def make(self, browser: InstalledBrowser) -> Path:
        """A new, private folder. Raises BrowserError."""
        folder = self._snap_folder if browser.is_snap else self._folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            profile = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
            _note_pids(profile, os.getpid())
        except OSError as error:
            raise BrowserError(
                f"No folder for the browser's profile can be made in {folder} ({error})."
            ) from error
        return profile

    def sweep(self) -> None:
        """Remove what earlier runs left behind, unless their browser still runs."""
        for folder in (self._folder, self._snap_folder):
            for profile in folder.glob(f"{_PREFIX}*"):
                if not any(map(_is_running, _pids_of(profile))):
                    shutil.rmtree(profile, ignore_errors=True)


class OpenBrowser:
    """A browser that runs. `end` it before the program ends."""

    def __init__(
        self,
        browser: InstalledBrowser,
        visit: BrowserVisit,
        profiles: BrowserProfiles,
        tell_closed: Callable[[], None] = lambda: None,
        tell_failed: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """Start it. Raises BrowserError.

        When it is over, `tell_closed` is called on another thread, after `tell_failed` with a sentence if it ended at
        once or with a fault.
        """
        profiles.sweep()
        self.name = browser.name
        self._path = browser.path
        self._tell_failed = tell_failed
        self._is_ending = False
        """Whether we end it."""
        self._began = time.monotonic()
        self._last_words = b""
        self._profile = profiles.make(browser)
        self._tell_closed = tell_closed
        try:
            self._process = subprocess.Popen(
                command_line(browser, visit, self._profile),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                # Ctrl+C in our terminal is meant for us.
                start_new_session=True,
            )
            _note_pids(self._profile, os.getpid(), self._process.pid)
        except OSError as error:
            shutil.rmtree(self._profile, ignore_errors=True)
            raise BrowserError(f"{browser.name} ({browser.path}) could not be started: {error}.") from error
        self._listening = threading.Thread(target=self._listen, name="browser-words", daemon=True)
        self._listening.start()
        self._waiting = threading.Thread(target=self._wait, name="browser")
        self._waiting.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._waiting.is_alive()

    def end(self) -> None:
        """Close the browser if it still runs, and wait until its profile is gone."""
        self._is_ending = True
        if self._process.poll() is None:
            self._process.terminate()
            self._waiting.join(_END_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
        self._waiting.join()

    def _listen(self) -> None:
        """Keep the end of what it writes on standard error, until nobody has that open any more."""
        assert self._process.stderr is not None
        with self._process.stderr as words:
            while read := os.read(words.fileno(), 65536):
                self._last_words = (self._last_words + read)[-_LAST_WORDS_BYTES:]

    def _failure(self, status: int) -> str:
        """What is to be said of an end with this exit status; "" if a person closed it, or we did."""
        at_once = time.monotonic() - self._began < _AT_ONCE_SECONDS
        if self._is_ending or (status == 0 and not at_once):
            return ""
        self._listening.join(_LAST_WORDS_SECONDS)
        lines = self._last_words.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        said = f", and said: “{terminal_text(last)}”" if last else ""
        todo = f"Start {self._path} yourself to see why, or set the proxy in the settings of another browser."
        if sys.platform == "linux" and os.geteuid() == 0:
            todo = "Browsers of this kind do not run as root: run Unmask as another user."
        return f"{self.name} ended{' at once' if at_once else ''} with {how}{said}. {todo}"

    def _wait(self) -> None:
        status = self._process.wait()
        failure = self._failure(status)
        # Processes that the browser had started may write for a moment.
        pause = threading.Event()
        for _ in range(_REMOVE_TRIES):
            shutil.rmtree(self._profile, ignore_errors=True)
            if not self._profile.exists():
                break
            pause.wait(_REMOVE_PAUSE_SECONDS)
        if failure:
            self._tell_failed(failure)
        self._tell_closed()


def _note_pids(profile: Path, *pids: int) -> None:
    (profile / _PIDS).write_text(" ".join(map(str, pids)), encoding="ascii")


def _pids_of(profile: Path) -> list[int]:
    """The processes that a profile belongs to."""
    try:
        words = (profile / _PIDS).read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []
    return [int(word) for word in words if word.isascii() and word.isdigit()]


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":
        # There, os.kill would end it; a profile in use can't be removed anyway.
        return False
    with suppress(ProcessLookupError, OverflowError):
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        return pid > 0
    return False
