"""Attacks: searches for adversarial inputs; what they find is validated elsewhere."""
