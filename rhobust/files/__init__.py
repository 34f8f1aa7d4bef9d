"""What is written: whole or not at all, and never over what may not be lost."""
