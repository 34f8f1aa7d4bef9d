"""Tests of the package, and the exact reference that they compare with."""
