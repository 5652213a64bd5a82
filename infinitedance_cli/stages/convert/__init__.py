"""`idance convert`: any motion format to any other."""
