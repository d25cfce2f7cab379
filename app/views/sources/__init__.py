"""The list of sources, and the page of the first start."""
