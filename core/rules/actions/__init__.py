"""The built-in actions of rules."""
