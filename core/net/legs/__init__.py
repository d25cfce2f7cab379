"""Legs and sessions: one transport each, and the connections that are made of them."""
