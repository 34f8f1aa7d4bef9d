"""What every room of the compiler uses: arrays, errors, rounding, limits of time."""
