"""Witnesses: what has to be shown of a point before it is one."""
