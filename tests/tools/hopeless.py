"""A filter that goes back and tries again, and what it does so over: for seconds, so that a failing test ends."""

from __future__ import annotations

HOPELESS = 'payload matches "(a+)+$"'
TRAP = "a" * 25 + "b"
"""Takes it some 2^25 steps."""
