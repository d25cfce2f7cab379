from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QSettings

from app.logic.frame_lines import TimeFormat
from app.logic.user_folders import authority_folder
from app.look.theme import ThemeChoice
from app.settings import HISTORY_ENTRIES, HISTORY_ENTRY_CHARS, RECENT_CAPTURES, Settings
from core.capture.ring import KEEP_ALL, Keep
from core.net.host_list import parse_hosts
from core.net.settings import MIB, AutoReply, EngineSettings, Limits, ListenAddress
from core.net.tls.settings import ClientCertificate, TlsSettings
from core.net.upstream import parse_upstream
from core.protocol.violations import Judgement


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.ini"


def usual() -> EngineSettings:
    return EngineSettings(tls=TlsSettings(authority_folder=authority_folder()))


def reopened(settings: Settings, path: Path) -> Settings:
    settings.sync()
    return Settings.at(path)


def test_first_start(path: Path) -> None:
    settings = Settings.at(path)
    assert settings.address == ListenAddress("127.0.0.1", 8080)
    assert settings.engine == usual()
    assert settings.theme is ThemeChoice.SYSTEM
    assert settings.show_control
    assert settings.composer_history == ()
    assert settings.layout("window") is None


def test_all_comes_back(path: Path) -> None:
    settings = Settings.at(path)
    engine = EngineSettings(
        limits=replace(Limits(), message_bytes=1234, handshake_seconds=2.5),
        judgement=Judgement.TOLERANT,
        auto_reply=AutoReply.ECHO,
        compression=False,
        keep=Keep(2 * MIB, 1000, 86_400),
        tls=TlsSettings(
            authority_folder(),
            parse_hosts("*.a.test, 10.0.0.0/8"),
            (Path("/ca, one.pem"), Path("/two.pem")),
            (ClientCertificate(parse_hosts("b.test"), Path("/c.p12"), password="p,w"),),
            Path("/keys.log"),
        ),
        upstream=parse_upstream("socks5://u:p%2Cw@proxy.test:1080", parse_hosts("localhost, c.test")),
    )
    settings.address = ListenAddress("::1", 9000)
    settings.engine = engine
    settings.theme = ThemeChoice.DARK
    settings.time_format = TimeFormat.SINCE_START
    settings.show_control = False
    settings.composer_history = ("text:hello", "json:{\n}", "text:你好 🎭")
    settings.detail_tab = "bytes"
    settings.set_layout("window", QByteArray(b"\x00\x01state"))
    settings.add_recent_capture("/a")
    settings = reopened(settings, path)
    assert settings.address == ListenAddress("::1", 9000)
    assert settings.engine == engine
    assert settings.theme is ThemeChoice.DARK
    assert settings.time_format is TimeFormat.SINCE_START
    assert not settings.show_control
    assert settings.composer_history == ("text:hello", "json:{\n}", "text:你好 🎭")
    assert settings.detail_tab == "bytes"
    assert settings.layout("window") == QByteArray(b"\x00\x01state")
    assert settings.recent_captures == ("/a",)


def test_one_entry_of_history_comes_back(path: Path) -> None:
    """An ini file gives a list of one back as a text."""
    settings = Settings.at(path)
    settings.composer_history = ("text:only, with a comma",)
    assert reopened(settings, path).composer_history == ("text:only, with a comma",)


def test_nonsense_gives_the_defaults(path: Path) -> None:
    path.write_text(
        "[listen]\naddress=nowhere\n[limits]\nmessage_bytes=-5\nhead_bytes=many\n[engine]\njudgement=LENIENT\n"
        "compression=perhaps\n[window]\ntheme=7\n[layout]\nwindow=text\n"
    )
    settings = Settings.at(path)
    assert settings.address == ListenAddress()
    assert settings.engine == usual()
    assert settings.theme is ThemeChoice.SYSTEM
    assert settings.layout("window") is None


def test_lists_are_bounded(path: Path) -> None:
    settings = Settings.at(path)
    settings.composer_history = (*(f"text:{n}" for n in range(500)), "x" * (HISTORY_ENTRY_CHARS + 1))
    assert len(settings.composer_history) == HISTORY_ENTRIES
    assert settings.composer_history[-1] == "text:499"
    for number in range(20):
        settings.add_recent_capture(f"/{number}")
    settings.add_recent_capture("/15")
    assert len(settings.recent_captures) == RECENT_CAPTURES
    assert settings.recent_captures[:3] == ("/15", "/19", "/18")


def test_what_is_held_for_this_run_is_not_kept(tmp_path: Path) -> None:
    settings = Settings.at(tmp_path / "a.ini")
    settings.origins = ("http://mine.example",)
    stored = settings.engine
    held = replace(
        stored,
        judgement=Judgement.TOLERANT,
        auto_reply=AutoReply.ECHO,
        limits=replace(stored.limits, message_bytes=1024),
        allowed_origins=("http://given.example",),
        extra_hosts=("given.example",),
    )
    settings.hold_for_this_run(held)
    assert (settings.engine, settings.origins) == (held, ("http://given.example",))
    settings.sync()
    assert Settings.at(tmp_path / "a.ini").engine == stored
    settings.engine = replace(held, limits=replace(held.limits, connections=7), compression=False)
    settings.set_auto_reply(AutoReply.NONE)
    settings.origins = ("http://given.example", "http://added.example")
    assert settings.engine.allowed_origins == ("http://given.example", "http://added.example")
    settings.engine = replace(settings.engine, allowed_origins=None)
    settings.engine = replace(settings.engine, allowed_origins=settings.origins)
    assert settings.engine.judgement is Judgement.TOLERANT
    settings.sync()
    assert Settings.at(tmp_path / "a.ini").engine == replace(
        stored,
        limits=replace(stored.limits, connections=7),
        compression=False,
        allowed_origins=("http://mine.example", "http://added.example"),
    )


def test_an_origin_that_is_added_counts_where_settings_are_held(tmp_path: Path) -> None:
    settings = Settings.at(tmp_path / "a.ini")
    settings.hold_for_this_run(settings.engine)
    settings.engine = replace(settings.engine, allowed_origins=("http://one.example",))
    settings.origins = ("http://one.example", "http://two.example")
    assert settings.engine.allowed_origins == settings.origins
    settings.sync()
    assert Settings.at(tmp_path / "a.ini").engine == settings.engine


@pytest.mark.parametrize("text", ["", "nonsense", "-5h", ["2GB", "nonsense"]])
def test_what_does_not_say_how_much_to_keep_keeps_all(path: Path, text: str | list[str]) -> None:
    store = QSettings(str(path), QSettings.Format.IniFormat)
    store.setValue("capture/keep", text)
    assert reopened(Settings(store), path).engine.keep == KEEP_ALL


@pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")
def test_nobody_else_can_read_what_was_sent_and_searched_for(tmp_path: Path) -> None:
    def modes(settings: Settings) -> list[int]:
        """The modes of the file and of its folder."""
        settings.composer_history = ("token=secret",)
        settings.sync()
        file = Path(settings._store.fileName())
        assert "secret" in file.read_text()
        return [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)]

    before = os.umask(0)
    try:
        assert modes(Settings.at(tmp_path / "new" / "a.ini")) == [0o600, 0o700]
        settings = Settings.of_user()
        assert modes(settings) == [0o600, 0o700]
        Path(settings._store.fileName()).chmod(0o644)
        Path(settings._store.fileName()).parent.chmod(0o755)
        assert modes(Settings.of_user()) == [0o600, 0o700]
        tmp_path.chmod(0o755)
        assert modes(Settings.at(tmp_path / "b.ini")) == [0o600, 0o755]
    finally:
        os.umask(before)


def test_sizes_that_do_not_go_together_give_the_defaults(path: Path) -> None:
    settings = Settings.at(path)
    store = QSettings(str(path), QSettings.Format.IniFormat)
    for name, value in (("message_bytes", 2**31), ("head_bytes", 4096), ("connections", 7)):
        store.setValue(f"limits/{name}", value)
    store.sync()
    settings = reopened(settings, path)
    assert settings.engine.limits == Limits(connections=7)


def test_what_is_changed_for_this_run_may_not_go_with_what_is_stored(path: Path) -> None:
    """The memory is held for this run, and allows a message that what is stored does not."""
    settings = Settings.at(path)
    limits = Limits(message_bytes=MIB, memory_bytes=4 * MIB)
    settings.engine = replace(usual(), limits=limits)
    held = replace(usual(), limits=replace(limits, memory_bytes=400 * MIB))
    settings.hold_for_this_run(held)
    wanted = replace(held, limits=replace(held.limits, message_bytes=100 * MIB))
    settings.engine = wanted
    assert reopened(settings, path).engine == wanted
