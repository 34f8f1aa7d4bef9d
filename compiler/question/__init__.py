"""Questions about networks: claims and properties."""
