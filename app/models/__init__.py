"""Qt item models: ids and a bounded cache of pages over the capture; never the data itself."""
