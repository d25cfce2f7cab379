"""Rules: what happens to what passes, decided without I/O."""
