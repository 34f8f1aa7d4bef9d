"""Linear programs: the HiGHS oracle, the relaxation and the convex restriction."""
