"""Help pages and diagnostics."""
