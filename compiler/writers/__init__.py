"""Writers that state a question in the languages of other solvers."""
