"""`idance train`: one loop, one recipe per network."""
