"""Threads, timers and what the machine offers."""
