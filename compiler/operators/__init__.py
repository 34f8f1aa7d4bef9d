"""Linear operators with their adjoints."""
