"""Hostile input made by machine. A target takes any bytes and asserts what must hold; see `tests.fuzz.__main__`."""
