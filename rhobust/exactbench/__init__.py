"""ExactBench: attacks measured against the proven rho of each image, not against each other.

`proven.py` has what was proven, and for which model and images, `own.py` and `foolbox_attacks.py`
have a table of attacks each, `scores.py` what is told of one.
"""
