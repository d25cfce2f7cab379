"""The independent Autobahn cases against Unmask as an echo server that records: `make conformance`."""
