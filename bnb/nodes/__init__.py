"""Open nodes: as rows of arrays, by their worst bound, and in a file."""
