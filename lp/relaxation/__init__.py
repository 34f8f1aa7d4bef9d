"""The linear relaxation of a node."""
