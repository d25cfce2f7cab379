"""Saved connections and variables of the window, with the values of secret ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from app.logic.connect_draft import ConnectDraft
from app.logic.saved_connections import Saved
from app.logic.secret_store import SecretStore, system_secrets
from app.logic.variables import Variable, names_in
from app.runtime.jobs import Jobs
from app.settings import Settings

_STAND_IN = "1"
"""What could be the value of any secret that is not known yet: a host, a port, part of a header."""


class ConnectionShelf(QObject):
    """Reads and writes the settings, and the keyring on another thread, since that may wait for a person. The keyring
    is not touched before a secret is needed.
    """

    secrets_read = Signal()
    """The values of all secret variables are known, after `read_secrets`."""

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        secrets: SecretStore | None = None,
        parent: QObject | None = None,
    ) -> None:
        """`secrets`: None for those of the system."""
        super().__init__(parent)
        self._settings = settings
        self._jobs = jobs
        self._secrets = secrets
        self._is_reading = False
        self._read: Saved | None = None
        """What the settings have, once it was read."""

    @property
    def saved(self) -> Saved:
        """The connections, and the variables without values of secret ones."""
        if self._read is None:
            self._read = self._settings.saved_connections
        return self._read

    @saved.setter
    def saved(self, saved: Saved) -> None:
        self._settings.saved_connections = saved
        # As it will be read again, such as without secrets.
        self._read = self._settings.saved_connections

    @property
    def problem(self) -> str:
        """Why secrets last only until the program ends; "" if they last, or nobody has asked for one yet."""
        return "" if self._secrets is None else self._secrets.problem

    def variables(self) -> tuple[Variable, ...]:
        """All of them, secret ones with their values, which must have been read."""
        return tuple(map(self._whole, self.saved.variables))

    def variables_for(self, draft: ConnectDraft) -> Mapping[str, Variable]:
        """Those that `draft` names, by name; "" for values that could not be read."""
        return {each.name: self._whole(each) for each in self._named_in(draft)}

    def stand_ins_for(self, draft: ConnectDraft) -> Mapping[str, Variable]:
        """Those that `draft` names, by name, to see whether it fits together before all values are known."""
        return {each.name: self._whole(each, _STAND_IN) for each in self._named_in(draft)}

    def knows(self, draft: ConnectDraft) -> bool:
        """Whether all values are known that `draft` names."""
        return all(self._value(each) is not None for each in self._named_in(draft))

    def read_secrets(self) -> None:
        """Read the values of all secret variables; `secrets_read` follows, however long that takes."""
        if self._is_reading:
            return
        names = [each.name for each in self.saved.variables if each.is_secret]
        self._is_reading = self._jobs.run(
            lambda: _read(self._secrets, names), self._take, lambda _error: self._take(SecretStore(None))
        )
        if not self._is_reading:
            # Too much is being done at once.
            self._take(_read(self._secrets, names))

    def set_variables(self, variables: tuple[Variable, ...]) -> None:
        """Keep these instead, once the secrets were read. Raises CallerError for names that no variables can have."""
        before = self.saved
        self.saved = before.with_variables(variables)
        now = {each.name: each.value for each in variables if each.is_secret}
        gone = {each.name: "" for each in before.variables if each.is_secret and each.name not in now}
        self._put({**gone, **now})

    def _put(self, values: Mapping[str, str]) -> None:
        changed = [name for name, value in values.items() if value != self._store.known(name)]
        for name in changed:
            self._store.set(name, values[name])
        store = self._store
        if changed and not self._jobs.run(lambda: _write(store, changed), _nothing, _nothing):
            _write(store, changed)

    def _take(self, secrets: SecretStore) -> None:
        self._secrets, self._is_reading = secrets, False
        self.secrets_read.emit()

    def _named_in(self, draft: ConnectDraft) -> Iterable[Variable]:
        known = self.saved.by_name
        return [known[name] for name in names_in(draft.texts) if name in known]

    def _value(self, variable: Variable) -> str | None:
        if not variable.is_secret:
            return variable.value
        return None if self._secrets is None else self._secrets.known(variable.name)

    def _whole(self, variable: Variable, unknown: str = "") -> Variable:
        value = self._value(variable)
        return replace(variable, value=unknown if value is None else value)

    @property
    def _store(self) -> SecretStore:
        if self._secrets is None:
            self._secrets = system_secrets()
        return self._secrets


def _read(secrets: SecretStore | None, names: Iterable[str]) -> SecretStore:
    """The store, after it has been asked for these."""
    secrets = secrets or system_secrets()
    for name in names:
        secrets.get(name)
    return secrets


def _write(secrets: SecretStore, names: Iterable[str]) -> None:
    for name in names:
        secrets.write(name)


def _nothing(_outcome: object) -> None:
    """The store notes itself what has failed."""
