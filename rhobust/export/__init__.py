"""Questions in the languages of other solvers."""
