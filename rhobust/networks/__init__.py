"""Networks by name, file or object."""
