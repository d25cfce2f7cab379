"""The dialog about certificates: whom clients are to trust, and whom Unmask trusts."""
