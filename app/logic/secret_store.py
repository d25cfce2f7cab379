"""Values of secret variables: in the system's keyring where there is one, else in memory until the program ends."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "unmask"
"""The name under which the keyring has them."""


class SecretStore:
    """Keeps secrets, for any number of threads. Nothing raises; `get` and `write` may wait for a person who unlocks the
    keyring.
    """

    def __init__(self, backend: KeyringBackend | None) -> None:
        """`backend` is the keyring; None: there is none."""
        self._backend = backend
        self._asking = Lock()
        """Held while the keyring is asked."""
        self._kept: dict[str, str] = {}
        """What the keyring could not take, and what was read from it."""
        self.problem = "" if backend is not None else "This system offers no keyring."
        """Why secrets last only until the program ends; "" if they last."""

    def get(self, name: str) -> str:
        """The value; "" if there is none."""
        if name in self._kept or self._backend is None:
            return self._kept.get(name, "")
        try:
            with self._asking:
                value = self._backend.get_password(SERVICE, name) or ""
        except Exception as error:
            self._note(error)
            return self._kept.get(name, "")
        # It may have been set meanwhile.
        return self._kept.setdefault(name, value)

    def known(self, name: str) -> str | None:
        """The value if it has been read or set; None if the keyring must be asked for it."""
        return self._kept.get(name, "" if self._backend is None else None)

    def set(self, name: str, value: str) -> None:
        """Keep a value, or none if it is "", until the program ends; `write` keeps it longer."""
        self._kept[name] = value

    def write(self, name: str) -> None:
        """Put into the keyring what was set last; see `problem` for whether it has it then."""
        if self._backend is None:
            return
        with self._asking:
            value = self._kept.get(name, "")
            try:
                if value:
                    self._backend.set_password(SERVICE, name, value)
                else:
                    self._backend.delete_password(SERVICE, name)
            except Exception as error:
                if value:
                    self._note(error)

    def _note(self, error: Exception) -> None:
        self.problem = f"The system's keyring does not work ({type(error).__name__}: {error})."


def system_secrets() -> SecretStore:
    """The store over the keyring of this system."""
    try:
        import keyring
        from keyring.backends import chainer, fail, null

        backend = keyring.get_keyring()
        # One of low priority keeps secrets in a file that others can read.
        if isinstance(backend, (fail.Keyring, null.Keyring)) or backend.priority < 1:
            return SecretStore(None)
        if isinstance(backend, chainer.ChainerBackend) and not backend.backends:
            return SecretStore(None)
        return SecretStore(backend)
    except Exception:
        return SecretStore(None)
