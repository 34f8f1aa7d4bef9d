"""How values are shown: a line, a few lines of a notebook, JSON; short whatever their size."""
