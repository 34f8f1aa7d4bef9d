"""The convex restriction of a network to one linear region."""
