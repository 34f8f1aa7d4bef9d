"""Nodes that have nothing left to split."""
