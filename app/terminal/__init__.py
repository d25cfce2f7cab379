"""The console mode: a capture's story as text or JSON Lines; no Qt."""
