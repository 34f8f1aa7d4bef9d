"""Networks from fitted scikit-learn models."""
