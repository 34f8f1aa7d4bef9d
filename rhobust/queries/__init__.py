"""One file for each question that the package answers."""
