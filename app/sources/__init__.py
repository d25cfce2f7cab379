"""Where traffic comes from: the listener, its settings, and the watch over it."""
