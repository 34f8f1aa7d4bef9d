"""A smaller problem before the search."""
