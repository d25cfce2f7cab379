"""Tool bar, status bar and banners."""
