"""Tighter bounds of units: at the root, below a split, by the objective."""
