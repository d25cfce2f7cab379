"""Every action of the program with its key, tooltip and menu."""
