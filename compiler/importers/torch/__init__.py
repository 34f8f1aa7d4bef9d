"""Networks from PyTorch modules and their state dicts."""
