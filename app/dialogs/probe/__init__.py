"""The dialog that probes a peer."""
