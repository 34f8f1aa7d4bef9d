"""Randomized smoothing: certified radii in l2 that hold with a stated probability.

Cohen, Rosenfeld & Kolter 2019 ("Certified adversarial robustness via randomized smoothing").
A radius is *certified* here, by counting labels of noisy images, about the smoothed classifier;
what the engine says of the network itself is *verified*.
"""

from __future__ import annotations

from .accuracy import Accuracy, accuracy, each_alpha
from .certificate import ABSTAIN, Answer, Certificate
from .smoothed import Smoothed, certified_radius

__all__ = [
    "ABSTAIN",
    "Accuracy",
    "Answer",
    "Certificate",
    "Smoothed",
    "accuracy",
    "certified_radius",
    "each_alpha",
]
