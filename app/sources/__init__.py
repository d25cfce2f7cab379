"""How traffic comes in: the listener, its settings, and what is watched while it runs."""
