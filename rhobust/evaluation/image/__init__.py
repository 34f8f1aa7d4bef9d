"""What workers know and do of one image."""
