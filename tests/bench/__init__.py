"""Measurements: `make bench`. Never part of the tests; loopback only, bounded in time."""
