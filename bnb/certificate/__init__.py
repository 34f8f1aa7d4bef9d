"""What a search proves, noted while it runs and written as arrays."""
