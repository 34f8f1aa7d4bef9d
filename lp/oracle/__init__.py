"""Linear programs and the solvers behind them."""
