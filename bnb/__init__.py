"""Branch and bound over unstable units, with bounds that hold in floating point."""
