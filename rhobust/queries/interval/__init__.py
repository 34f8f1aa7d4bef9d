"""The interval of rho: what is known of it, first ends by what costs little, and the search."""
