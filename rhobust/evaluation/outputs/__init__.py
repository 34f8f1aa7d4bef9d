"""Records for other programs: JSON lines, CSV, data frames."""
