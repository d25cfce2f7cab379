"""The console mode: prints what a capture tells as text or JSON Lines; no Qt."""
