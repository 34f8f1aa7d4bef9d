"""Two runs on the same images: what changed, and whether it is more than chance."""
