"""The rules of a proof in exact arithmetic."""
