"""Steps from symbolic systems to the compiled problem, each with its way back."""
