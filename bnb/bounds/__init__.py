"""Bounds on pre-activations and margins: interval and backward linear."""
