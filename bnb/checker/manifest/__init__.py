"""Manifests: a number about many images, with a file for each that proves its part of it."""
