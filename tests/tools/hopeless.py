"""A filter that backtracks, and a payload on which it does so for seconds, so that even a failing test ends."""

from __future__ import annotations

HOPELESS = 'payload matches "(a+)+$"'
TRAP = "a" * 25 + "b"
"""Costs it some 2^25 steps."""
