"""Forms for sources, one for each kind."""
