"""What to split a node on."""
