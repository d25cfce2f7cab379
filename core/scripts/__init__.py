"""Scripts: a person's Python file decides what becomes of messages, in a process of its own."""
