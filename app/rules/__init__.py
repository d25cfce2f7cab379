"""The desks of rules: the list, what is held, and rules made of what the person points at."""
