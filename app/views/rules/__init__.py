"""The rule list, the queue of what is held, and the editor of what is held."""
