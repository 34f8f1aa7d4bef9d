"""VNN-LIB: from text to a property, and back."""
