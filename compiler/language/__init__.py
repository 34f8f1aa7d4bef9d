"""The constraint language (Bastani et al. 2016, section 4)."""
