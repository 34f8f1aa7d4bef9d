"""The rules of a proof in floating point, rounded outwards."""
