"""The tree of a part: each node closed by a row, an atom, an empty box, or its children."""
