"""What is said of TLS that fails."""

from __future__ import annotations

import pytest

from core.net.tls.failures import timed_out


@pytest.mark.parametrize(
    ("seconds", "shown"), [(9.902, "9.9"), (10.0, "10"), (0.2, "0.2"), (0.0412, "0.041")]
)
def test_a_handshake_that_took_too_long_says_rounded_seconds(seconds: float, shown: str) -> None:
    assert f"was not complete after {shown} s." in timed_out("example.com", seconds).sentence
