"""Threads, timers and the machine."""
