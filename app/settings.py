"""What is remembered between runs, typed. Everything that is read is checked; invalid values give the default."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from enum import Enum
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QByteArray, QSettings

from app.logic import saved_messages as messages
from app.logic.exporting import Scope, scope_key
from app.logic.filter_mode import FilterMode
from app.logic.frame_lines import TimeFormat
from app.logic.known_sources import KnownSource, read_sources, write_sources
from app.logic.saved_connections import Saved, read, written
from app.logic.saved_filter import SavedFilter as SavedFilter
from app.logic.tls_texts import (
    MOST_FILES,
    read_client_certificates,
    read_hosts,
    read_upstream,
    upstream_text,
    write_client_certificates,
)
from app.logic.user_folders import authority_folder, keep_private
from app.look.theme import ThemeChoice
from core.capture.private_files import close_to_others
from core.capture.ring import KEEP_ALL, Keep
from core.errors import AddressError
from core.net.settings import (
    AutoReply,
    EngineSettings,
    Limits,
    ListenAddress,
    keep_text,
    parse_address,
    parse_host_name,
    parse_keep,
    parse_origin,
)
from core.net.tls.settings import TlsSettings
from core.protocol.violations import Judgement

HISTORY_ENTRIES = 100
HISTORY_ENTRY_CHARS = 64 * 1024
RECENT_CAPTURES = 8
RECENT_FILTERS = 20
SAVED_FILTERS = 100
LISTED_NAMES = 1000
"""Origins and hosts that can be listed."""

_E = TypeVar("_E", bound=Enum)


@dataclass(frozen=True, slots=True)
class _EngineChoice:
    """Behaviour of the engine, with the list of origins that may connect.

    The list is kept even while all origins may connect: then `engine.allowed_origins` is None.
    """

    engine: EngineSettings
    origins: tuple[str, ...]


_ENGINE_KEYS: tuple[tuple[str, Callable[[EngineSettings], object]], ...] = (
    ("engine/judgement", lambda engine: engine.judgement.name),
    ("engine/auto_reply", lambda engine: engine.auto_reply.name),
    ("engine/compression", lambda engine: engine.compression),
    ("peers/only_origins", lambda engine: engine.allowed_origins is not None),
    ("peers/check_host", lambda engine: engine.check_host),
    ("peers/hosts", lambda engine: list(engine.extra_hosts)),
    ("capture/keep", lambda engine: keep_text(engine.keep)),
    ("tls/exceptions", lambda engine: str(engine.tls.exceptions)),
    ("tls/ca_files", lambda engine: [str(file) for file in engine.tls.ca_files]),
    ("tls/client_certificates", lambda engine: write_client_certificates(engine.tls.client_certificates)),
    ("tls/key_log", lambda engine: str(engine.tls.key_log or "")),
    ("upstream/proxy", lambda engine: upstream_text(engine.upstream)),
    (
        "upstream/exceptions",
        lambda engine: "" if engine.upstream is None else str(engine.upstream.exceptions),
    ),
)
"""What is stored of the engine settings, beside the limits and the list of origins: key and value."""


class Settings:
    """Typed access to a `QSettings`; pass one of your own, such as one over an ini file."""

    def __init__(self, store: QSettings) -> None:
        self._store = store
        self._of_this_run: _EngineChoice | None = None
        """Replaces the stored values in this run, if set."""

    @classmethod
    def of_user(cls) -> Settings:
        """The settings of the current user, as an ini file in the system's usual place."""
        store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "unmask", "unmask")
        file = Path(store.fileName())
        keep_private(file)
        close_to_others(file.parent)
        return cls(store)

    @classmethod
    def at(cls, path: Path) -> Settings:
        """Settings in the ini file `path`, which need not exist."""
        keep_private(path)
        return cls(QSettings(str(path), QSettings.Format.IniFormat))

    def sync(self) -> None:
        """Write what is not on disk yet."""
        self._store.sync()

    @property
    def address(self) -> ListenAddress:
        try:
            return parse_address(self._text("listen/address", ""))
        except AddressError:
            return ListenAddress()

    @address.setter
    def address(self, address: ListenAddress) -> None:
        self._store.setValue("listen/address", str(address))

    @property
    def sources(self) -> tuple[KnownSource, ...]:
        """The sources that were added, in the order of the list."""
        return read_sources(self._joined("sources/known"))

    @sources.setter
    def sources(self, sources: tuple[KnownSource, ...]) -> None:
        self._store.setValue("sources/known", write_sources(sources))

    @property
    def engine(self) -> EngineSettings:
        """Limits, judgement, auto-reply, compression, and who may connect."""
        return self._engine_choice().engine

    @engine.setter
    def engine(self, engine: EngineSettings) -> None:
        listed = self.origins if engine.allowed_origins is None else engine.allowed_origins
        self._choose(_EngineChoice(engine, listed))

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins that may connect when not all may; kept even while all may."""
        return self._engine_choice().origins

    @origins.setter
    def origins(self, origins: tuple[str, ...]) -> None:
        engine = self.engine
        if engine.allowed_origins is not None:
            engine = replace(engine, allowed_origins=origins)
        self._choose(_EngineChoice(engine, origins))

    def hold_for_this_run(self, engine: EngineSettings) -> None:
        """Use `engine` until the program ends, without storing it. The person's changes meanwhile are stored."""
        listed = self.origins if engine.allowed_origins is None else engine.allowed_origins
        self._of_this_run = _EngineChoice(engine, listed)

    @property
    def remembers_echo(self) -> bool:
        return self._stored_choice().engine.auto_reply is AutoReply.ECHO

    def _engine_choice(self) -> _EngineChoice:
        return self._stored_choice() if self._of_this_run is None else self._of_this_run

    def _stored_choice(self) -> _EngineChoice:
        origins = self._parsed("peers/origins", parse_origin)
        engine = EngineSettings(
            limits=self._limits(),
            judgement=self._enum("engine/judgement", Judgement.STRICT),
            auto_reply=self._enum("engine/auto_reply", AutoReply.NONE),
            compression=self._flag("engine/compression", default=True),
            allowed_origins=origins if self._flag("peers/only_origins", default=False) else None,
            check_host=self._flag("peers/check_host", default=True),
            extra_hosts=self._parsed("peers/hosts", parse_host_name),
            keep=self._keep(),
            tls=self._tls(),
            upstream=read_upstream(self._joined("upstream/proxy"), self._joined("upstream/exceptions")),
        )
        return _EngineChoice(engine, origins)

    def _choose(self, after: _EngineChoice) -> None:
        """Store only what the person changed, so that values given for this run are not stored."""
        before, stored = self._engine_choice(), self._stored_choice()
        for key, value_of in _ENGINE_KEYS:
            value = value_of(after.engine)
            if value != value_of(before.engine):
                self._store.setValue(key, value)
        self._store_limits(stored.engine.limits, before.engine.limits, after.engine.limits)
        self._store_origins(stored.origins, before.origins, after.origins)
        if self._of_this_run is not None:
            self._of_this_run = after

    def _store_limits(self, stored: Limits, before: Limits, after: Limits) -> None:
        names = [limit.name for limit in fields(Limits)]
        changed = [name for name in names if getattr(after, name) != getattr(before, name)]
        try:
            replace(stored, **{name: getattr(after, name) for name in changed})
        except ValueError:
            # The changed value is inconsistent with the stored ones.
            changed = names
        for name in changed:
            self._store.setValue(f"limits/{name}", getattr(after, name))

    def _store_origins(
        self, stored: tuple[str, ...], before: tuple[str, ...], after: tuple[str, ...]
    ) -> None:
        if after == before:
            return
        others = [each for each in stored if each not in before and each not in after]
        chosen = [each for each in after if each in stored or each not in before]
        self._store.setValue("peers/origins", [*others, *chosen][:LISTED_NAMES])

    def set_auto_reply(self, auto_reply: AutoReply) -> None:
        self.engine = replace(self.engine, auto_reply=auto_reply)

    def set_judgement(self, judgement: Judgement) -> None:
        self.engine = replace(self.engine, judgement=judgement)

    @property
    def saved_connections(self) -> Saved:
        """Connections that the person keeps, and variables; the values of secret ones are not here."""
        return read(self._text("connections/saved", ""))

    @saved_connections.setter
    def saved_connections(self, saved: Saved) -> None:
        self._store.setValue("connections/saved", written(saved))

    @property
    def rules(self) -> str:
        """The rules, as `write_remembered` gives them."""
        return self._text("rules/list", "")

    @rules.setter
    def rules(self, written: str) -> None:
        self._store.setValue("rules/list", written)

    @property
    def heartbeats_pass(self) -> bool:
        """Whether rules that hold messages leave out heartbeats."""
        return self._flag("rules/heartbeats_pass", default=True)

    @heartbeats_pass.setter
    def heartbeats_pass(self, passes: bool) -> None:
        self._store.setValue("rules/heartbeats_pass", passes)

    @property
    def theme(self) -> ThemeChoice:
        return self._enum("window/theme", ThemeChoice.SYSTEM)

    @theme.setter
    def theme(self, choice: ThemeChoice) -> None:
        self._store.setValue("window/theme", choice.name)

    @property
    def time_format(self) -> TimeFormat:
        return self._enum("frames/time", TimeFormat.ABSOLUTE)

    @time_format.setter
    def time_format(self, time_format: TimeFormat) -> None:
        self._store.setValue("frames/time", time_format.name)

    @property
    def detail_tab(self) -> str:
        """Name of the tab shown last, or ""."""
        return self._text("window/tab", "")

    @detail_tab.setter
    def detail_tab(self, name: str) -> None:
        self._store.setValue("window/tab", name)

    @property
    def show_control(self) -> bool:
        """Whether control frames have rows."""
        return self._flag("frames/control", default=True)

    @show_control.setter
    def show_control(self, shown: bool) -> None:
        self._store.setValue("frames/control", shown)

    @property
    def composer_history(self) -> tuple[str, ...]:
        """What the composer sent, newest last."""
        return self._list("composer/history")[-HISTORY_ENTRIES:]

    @composer_history.setter
    def composer_history(self, entries: tuple[str, ...]) -> None:
        kept = [entry for entry in entries if len(entry) <= HISTORY_ENTRY_CHARS][-HISTORY_ENTRIES:]
        self._store.setValue("composer/history", kept)

    @property
    def saved_messages(self) -> messages.Messages:
        return messages.read(self._text("composer/messages", ""))

    @saved_messages.setter
    def saved_messages(self, kept: messages.Messages) -> None:
        self._store.setValue("composer/messages", messages.written(kept))

    @property
    def recent_captures(self) -> tuple[str, ...]:
        """Paths of captures opened or saved recently, newest first."""
        return self._list("captures/recent")[:RECENT_CAPTURES]

    @property
    def capture_folder(self) -> str:
        """The folder of the newest recent capture, or the home folder."""
        recent = self.recent_captures
        return str(Path(recent[0]).parent if recent else Path.home())

    def add_recent_capture(self, path: str) -> None:
        kept = [path, *(entry for entry in self.recent_captures if entry != path)]
        self._keep_recent(kept)

    def forget_recent_capture(self, path: str) -> None:
        self._keep_recent([entry for entry in self.recent_captures if entry != path])

    def _keep_recent(self, paths: list[str]) -> None:
        """Store the list at once, so that it survives even a kill of this run."""
        self._store.setValue("captures/recent", paths[:RECENT_CAPTURES])
        self._store.sync()

    @property
    def export_format(self) -> str:
        """Name of the last export format, or ""."""
        return self._text("export/format", "")

    @export_format.setter
    def export_format(self, name: str) -> None:
        self._store.setValue("export/format", name)

    @property
    def export_folder(self) -> str:
        """Folder of the last export; before the first one, the folder of captures."""
        return self._text("export/folder", "") or self.capture_folder

    @export_folder.setter
    def export_folder(self, folder: str) -> None:
        self._store.setValue("export/folder", folder)

    def export_scope(self, narrowed: tuple[Scope, ...]) -> Scope | None:
        """The last choice of what to export, for a view narrowed in these ways."""
        return Scope.__members__.get(self._text(scope_key(narrowed), ""))

    def set_export_scope(self, narrowed: tuple[Scope, ...], scope: Scope) -> None:
        self._store.setValue(scope_key(narrowed), scope.name)

    @property
    def recent_filters(self) -> tuple[str, ...]:
        """Recent filters and searches, newest first."""
        return self._list("filters/recent")[:RECENT_FILTERS]

    def add_recent_filter(self, text: str) -> None:
        kept = [text, *(entry for entry in self.recent_filters if entry != text)]
        self._store.setValue("filters/recent", kept[:RECENT_FILTERS])

    def forget_recent_filters(self) -> None:
        self._store.remove("filters/recent")

    @property
    def saved_filters(self) -> tuple[SavedFilter, ...]:
        """Saved filters, in the order of saving."""
        names, texts = self._list("filters/names"), self._list("filters/texts")
        return tuple(map(SavedFilter, names, texts))[:SAVED_FILTERS]

    @saved_filters.setter
    def saved_filters(self, filters: tuple[SavedFilter, ...]) -> None:
        kept = filters[:SAVED_FILTERS]
        self._store.setValue("filters/names", [each.name for each in kept])
        self._store.setValue("filters/texts", [each.text for each in kept])

    @property
    def filter_mode(self) -> FilterMode:
        return self._enum("filters/mode", FilterMode.HIDE)

    @filter_mode.setter
    def filter_mode(self, mode: FilterMode) -> None:
        self._store.setValue("filters/mode", mode.name)

    def layout(self, name: str) -> QByteArray | None:
        """The state stored by `set_layout` under this name (window geometry, splitter, header)."""
        value = self._store.value(f"layout/{name}")
        return value if isinstance(value, QByteArray) and not value.isEmpty() else None

    def set_layout(self, name: str, state: QByteArray) -> None:
        self._store.setValue(f"layout/{name}", state)

    def _limits(self) -> Limits:
        limits = Limits()
        values = {}
        for limit in fields(Limits):
            default = getattr(limits, limit.name)
            try:
                value = type(default)(self._text(f"limits/{limit.name}", ""))
            except ValueError:
                continue
            if value > 0:
                values[limit.name] = value
        try:
            return replace(limits, **values)
        except ValueError:
            # The sizes are inconsistent.
            return replace(limits, **{name: values[name] for name in values if not name.endswith("_bytes")})

    def _keep(self) -> Keep:
        with suppress(ValueError):
            return parse_keep(self._joined("capture/keep"))
        return KEEP_ALL

    def _tls(self) -> TlsSettings:
        return TlsSettings(
            authority_folder=authority_folder(),
            exceptions=read_hosts(self._joined("tls/exceptions")),
            ca_files=tuple(map(Path, self._list("tls/ca_files")[:MOST_FILES])),
            client_certificates=read_client_certificates(self._joined("tls/client_certificates")),
            key_log=Path(key_log) if (key_log := self._text("tls/key_log", "")) else None,
        )

    def _joined(self, key: str) -> str:
        # An ini file returns a text with commas as a list.
        return ",".join(self._list(key))

    def _list(self, key: str) -> tuple[str, ...]:
        # An ini file returns a list of one as text.
        value = self._store.value(key, [])
        entries = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return tuple(str(entry) for entry in entries)

    def _parsed(self, key: str, parse: Callable[[str], str]) -> tuple[str, ...]:
        parsed: dict[str, None] = {}
        for entry in self._list(key)[:LISTED_NAMES]:
            with suppress(AddressError):
                parsed[parse(entry)] = None
        return tuple(parsed)

    def _text(self, key: str, default: str) -> str:
        value = self._store.value(key, default)
        return str(value) if isinstance(value, (str, int, float)) else default

    def _flag(self, key: str, *, default: bool) -> bool:
        # An ini file returns booleans as text.
        return {"true": True, "false": False}.get(self._text(key, "").lower(), default)

    def _enum(self, key: str, default: _E) -> _E:
        return type(default).__members__.get(self._text(key, ""), default)
