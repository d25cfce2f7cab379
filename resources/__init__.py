"""What Unmask ships beside its code: icons, the test page, the desktop entry."""
