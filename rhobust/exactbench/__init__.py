"""ExactBench: attacks measured against the proven rho of each image, not against each other.

`proven.py` has what was proven of the embedded digits, `own.py` and `foolbox_attacks.py` have a
table of attacks each, `scores.py` what is told of one.
"""
