"""Marks the checkout; the package is `rhobust`."""
