"""Secrets, with keyrings of our own: one that works, one that is locked, none."""

from __future__ import annotations

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked, PasswordDeleteError

from app.logic.secret_store import SERVICE, SecretStore, system_secrets


class MemoryKeyring(KeyringBackend):
    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise PasswordDeleteError
        del self.kept[service, username]


class LockedKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str) -> str | None:  # noqa: ARG002
        raise KeyringLocked("nobody unlocks it")

    def set_password(self, service: str, username: str, password: str) -> None:  # noqa: ARG002
        raise KeyringLocked("nobody unlocks it")


def test_a_keyring_keeps_them() -> None:
    backend = MemoryKeyring()
    SecretStore(backend).put("token", "s3cret")
    assert backend.kept == {(SERVICE, "token"): "s3cret"}
    later = SecretStore(backend)
    assert (later.get("token"), later.get("other"), later.problem) == ("s3cret", "", "")
    later.remove("token")
    later.remove("other")
    assert backend.kept == {}
    assert later.get("token") == ""


@pytest.mark.parametrize(
    ("backend", "words"), [(None, "offers no keyring"), (LockedKeyring(), "nobody unlocks it")]
)
def test_without_one_they_last_for_this_run(backend: KeyringBackend | None, words: str) -> None:
    store = SecretStore(backend)
    assert store.get("token") == ""
    store.put("token", "s3cret")
    assert store.get("token") == "s3cret"
    assert words in store.problem


def test_the_keyring_of_the_system_is_used_where_there_is_one() -> None:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    try:
        keyring.set_keyring(backend)
        system_secrets().put("token", "s3cret")
        assert backend.kept == {(SERVICE, "token"): "s3cret"}
        keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
        assert system_secrets().problem == "This system offers no keyring."
    finally:
        keyring.set_keyring(before)
