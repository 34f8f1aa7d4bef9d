"""The commands' names and options; what they do is imported when they are called."""
