"""Parts of the estimate of rho by convex restriction."""
