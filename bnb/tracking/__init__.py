"""Tracked solutions: points that a search must never lose, checked at each of its steps."""
