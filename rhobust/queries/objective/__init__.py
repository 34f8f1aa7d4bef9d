"""Objectives over formulas: what is asked, the search for optima, and the proofs of bounds."""
