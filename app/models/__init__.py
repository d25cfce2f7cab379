"""Qt item models over the capture: they hold ids and a bounded cache of pages, never the data itself."""
