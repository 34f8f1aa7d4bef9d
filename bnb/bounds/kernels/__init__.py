"""Loops of the bounds, compiled once there is enough to do (`compiler/base/kernel.py`).

All arrays float64 and C-contiguous unless said; Q queries, B nodes. `owner` (Q,) names the node of
each query. split (B, N) int8: +1 held active, -1 held inactive, 0 free.

The long lists of arguments are meant: arrays bundled in a named tuple are as fast once compiled
(189 against 189 us a call), but the first call with a warm cache took 2.2 s instead of 0.05 s. And
a loop calls only loops of its own file: numba's cache looks at no other file for changes.
"""
