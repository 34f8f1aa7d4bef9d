"""What the tests compare with; read these first.

oracles: exact answers by enumeration in rationals. layers: every layer by its definition, and how
one is drawn. exact_twin: a network as explicit matrices for the oracles. twins: plain twins of the
compiled loops. regions: the linear region of a point, layer by layer. restrictions: the convex
restriction as the paper states it. strategies: random networks with their exact twin, drawn by
hypothesis. bends: small ONNX files with every activation. questions: random formulas. trained:
networks of real size, trained in seconds.
"""
