"""Secrets, with keyrings of our own: one that works, one that is locked, none."""

from __future__ import annotations

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail

from app.logic.secret_store import SERVICE, SecretStore, system_secrets
from tests.tools.keyrings import LockedKeyring, MemoryKeyring


def test_a_keyring_keeps_them() -> None:
    backend = MemoryKeyring()
    store = SecretStore(backend)
    assert store.known("token") is None
    store.set("token", "s3cret")
    assert (store.known("token"), backend.kept) == ("s3cret", {})
    store.write("token")
    assert backend.kept == {(SERVICE, "token"): "s3cret"}
    later = SecretStore(backend)
    assert (later.get("token"), later.get("other"), later.problem) == ("s3cret", "", "")
    for name in ("token", "other"):
        later.set(name, "")
        later.write(name)
    assert backend.kept == {}
    assert later.get("token") == ""


@pytest.mark.parametrize(
    ("backend", "words"), [(None, "offers no keyring"), (LockedKeyring(), "nobody unlocks it")]
)
def test_without_one_they_last_for_this_run(backend: KeyringBackend | None, words: str) -> None:
    store = SecretStore(backend)
    assert store.get("token") == ""
    store.set("token", "s3cret")
    store.write("token")
    assert store.get("token") == "s3cret"
    assert words in store.problem


def test_the_keyring_of_the_system_is_used_where_there_is_one() -> None:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    try:
        keyring.set_keyring(backend)
        store = system_secrets()
        store.set("token", "s3cret")
        store.write("token")
        assert backend.kept == {(SERVICE, "token"): "s3cret"}
        keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
        assert system_secrets().problem == "This system offers no keyring."
    finally:
        keyring.set_keyring(before)
