"""Finding a browser, and a profile that goes away with it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.logic.browser import (
    BrowserError,
    BrowserProfiles,
    BrowserVisit,
    InstalledBrowser,
    OpenBrowser,
    choose_browser,
    command_line,
    installed_browsers,
)
from tests.tools.waiting import PATIENCE_SECONDS, until

VISIT = BrowserVisit("127.0.0.1:3128", "a+/b=")
posix = pytest.mark.skipif(sys.platform == "win32", reason="starts a shell script")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def profiles(tmp_path: Path) -> BrowserProfiles:
    return BrowserProfiles(tmp_path / "browsers", tmp_path / "snap")


def test_browsers_are_found_where_each_system_has_them(tmp_path: Path) -> None:
    for name in ("google-chrome", "google-chrome-stable", "brave-browser", "chromium"):
        script(tmp_path / "bin" / name, "")
    found = installed_browsers("linux", {"PATH": str(tmp_path / "bin")})
    assert [each.name for each in found] == ["Chromium", "Chrome", "Brave"]
    assert choose_browser(found).path == tmp_path / "bin" / "chromium"

    edge = script(tmp_path / "Applications" / "Microsoft Edge.app/Contents/MacOS/Microsoft Edge", "")
    assert InstalledBrowser("Edge", edge) in installed_browsers("darwin", {}, tmp_path)

    chrome = script(tmp_path / "Programs/Google/Chrome/Application/chrome.exe", "")
    windows = {"ProgramFiles": str(tmp_path / "Programs"), "LocalAppData": str(tmp_path)}
    assert installed_browsers("win32", windows) == [InstalledBrowser("Chrome", chrome)]


def test_without_a_browser_it_is_said_what_to_do() -> None:
    with pytest.raises(BrowserError, match="Install one of them"):
        choose_browser(installed_browsers("linux", {"PATH": ""}))


def test_the_command_line_is_for_this_proxy_and_this_authority_alone() -> None:
    line = command_line(InstalledBrowser("Chrome", Path("/opt/chrome")), VISIT, Path("/p"))
    assert line[0] == "/opt/chrome"
    assert line[-1] == "http://unmask.local/"
    assert {
        "--user-data-dir=/p",
        "--proxy-server=http://127.0.0.1:3128",
        "--proxy-bypass-list=<-loopback>",
        "--ignore-certificate-errors-spki-list=a+/b=",
        "--no-first-run",
    } <= set(line)


def profile_of(tmp_path: Path) -> Path:
    """The profile that a started script was given; it writes its arguments to a file."""
    noted = tmp_path / "arguments"
    until(lambda: noted.exists() and noted.read_text().endswith("\n"), "the browser has started")
    option = next(word for word in noted.read_text().split() if word.startswith("--user-data-dir="))
    return Path(option.partition("=")[2])


@posix
def test_the_profile_is_private_and_goes_with_the_browser(tmp_path: Path, profiles: BrowserProfiles) -> None:
    path = script(
        tmp_path / "browser",
        f'echo "$@" > "{tmp_path}/arguments.part"\n'
        f'mv "{tmp_path}/arguments.part" "{tmp_path}/arguments"\nexec sleep 600',
    )
    closed = threading.Event()
    browser = OpenBrowser(InstalledBrowser("Chrome", path), VISIT, profiles, closed.set)
    profile = profile_of(tmp_path)
    assert stat.S_IMODE(profile.stat().st_mode) == 0o700
    assert stat.S_IMODE(profile.parent.stat().st_mode) == 0o700
    assert browser.is_running
    profiles.sweep()
    assert profile.exists()
    browser.end()
    assert closed.is_set()
    assert not browser.is_running
    assert not profile.exists()
    browser.end()


@posix
def test_a_person_closes_it(tmp_path: Path, profiles: BrowserProfiles) -> None:
    closed = threading.Event()
    path = script(tmp_path / "browser", "exit 0")
    browser = OpenBrowser(InstalledBrowser("Chrome", path), VISIT, profiles, closed.set)
    assert closed.wait(PATIENCE_SECONDS)
    browser.end()
    assert list((tmp_path / "browsers").iterdir()) == []


def failure_of(path: Path, profiles: BrowserProfiles) -> list[str]:
    """What is said of a browser that ends by itself."""
    closed, told = threading.Event(), list[str]()
    browser = OpenBrowser(InstalledBrowser("Chrome", path), VISIT, profiles, closed.set, told.append)
    assert closed.wait(PATIENCE_SECONDS)
    browser.end()
    return told


@posix
def test_one_that_ends_at_once_is_told_with_its_last_words(
    tmp_path: Path, profiles: BrowserProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script(tmp_path / "browser", "echo first >&2\nprintf 'no \\033[31mroom\\n\\n' >&2\nexit 7")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    (told,) = failure_of(path, profiles)
    begun, _, todo = told.partition(". ")
    assert begun in (
        f"Chrome ended{how} with exit status 7, and said: “no \\x1b[31mroom”" for how in (" at once", "")
    )
    assert todo == f"Start {path} yourself to see why, or set the proxy in the settings of another browser."


@pytest.mark.skipif(sys.platform != "linux", reason="others let root do so")
def test_root_is_told_that_browsers_do_not_run_for_it(
    tmp_path: Path, profiles: BrowserProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (told,) = failure_of(script(tmp_path / "browser", "kill -6 $$"), profiles)
    assert "with signal 6. Browsers of this kind do not run as root: run Unmask as another user." in told


@posix
def test_one_that_a_person_closes_later_is_no_failure(
    tmp_path: Path, profiles: BrowserProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.logic.browser._AT_ONCE_SECONDS", 0.0)
    assert failure_of(script(tmp_path / "browser", "exit 0"), profiles) == []


@posix
def test_one_that_does_not_want_to_end_is_killed(
    tmp_path: Path, profiles: BrowserProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.logic.browser._END_SECONDS", 0.05)
    ready = tmp_path / "ready"
    path = script(tmp_path / "browser", f'trap "" TERM\n: > "{ready}"\nwhile :; do sleep 0.05; done')
    browser = OpenBrowser(InstalledBrowser("Chrome", path), VISIT, profiles)
    until(ready.exists, "it ignores being told to end")
    browser.end()
    assert list((tmp_path / "browsers").iterdir()) == []


@posix
def test_what_a_crash_left_behind_is_removed_at_the_next_start(
    tmp_path: Path, profiles: BrowserProfiles
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = profiles.make(InstalledBrowser("Chrome", tmp_path))
    (left / "unmask-pids").write_text(f"{gone.pid} {gone.pid}")
    (left / "Cookies").write_text("secret")
    half = profiles.make(InstalledBrowser("Chrome", tmp_path))
    (half / "unmask-pids").unlink()
    used = profiles.make(InstalledBrowser("Chrome", tmp_path))
    (used / "unmask-pids").write_text(f"{gone.pid} {os.getpid()}")
    profiles.sweep()
    assert not left.exists()
    assert not half.exists()
    assert used.exists()


def test_a_browser_that_cannot_start_leaves_nothing(tmp_path: Path, profiles: BrowserProfiles) -> None:
    with pytest.raises(BrowserError, match="could not be started"):
        OpenBrowser(InstalledBrowser("Chrome", tmp_path / "none"), VISIT, profiles)
    assert list((tmp_path / "browsers").iterdir()) == []


def test_a_browser_in_a_snap_gets_a_folder_that_it_can_see(tmp_path: Path, profiles: BrowserProfiles) -> None:
    profile = profiles.make(InstalledBrowser("Chromium", Path("/snap/bin/chromium")))
    assert profile.parent == tmp_path / "snap"
