"""Saved connections and variables of the window, with the values of secret ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.logic.connect_draft import ConnectDraft
from app.logic.saved_connections import Saved
from app.logic.secret_store import SecretStore, system_secrets
from app.logic.variables import Variable, names_in
from app.settings import Settings


class ConnectionShelf:
    """Reads and writes the settings and the keyring. The keyring is not touched before a secret is needed."""

    def __init__(self, settings: Settings, secrets: SecretStore | None = None) -> None:
        """`secrets`: None for those of the system."""
        self._settings = settings
        self._secrets = secrets
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
        """Why secrets last only until the program ends; "" if they last."""
        return self._store.problem

    def variables(self) -> tuple[Variable, ...]:
        """All of them, secret ones with their values."""
        return tuple(self._whole(each) for each in self.saved.variables)

    def variables_for(self, draft: ConnectDraft) -> Mapping[str, Variable]:
        """Those that `draft` names, by name."""
        known = self.saved.by_name
        return {name: self._whole(known[name]) for name in names_in(draft.texts) if name in known}

    def set_variables(self, variables: tuple[Variable, ...]) -> None:
        """Keep these instead. Raises CallerError for names that no variables can have."""
        before = self.saved
        self.saved = before.with_variables(variables)
        kept = {each.name for each in variables if each.is_secret}
        for each in before.variables:
            if each.is_secret and each.name not in kept:
                self._store.remove(each.name)
        for each in variables:
            if each.is_secret and each.value != self._store.get(each.name):
                self._store.put(each.name, each.value)

    def _whole(self, variable: Variable) -> Variable:
        return replace(variable, value=self._store.get(variable.name)) if variable.is_secret else variable

    @property
    def _store(self) -> SecretStore:
        if self._secrets is None:
            self._secrets = system_secrets()
        return self._secrets
