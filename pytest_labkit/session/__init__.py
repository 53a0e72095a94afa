"""Labs inside pytest: hooks, fixtures, workers. The only package that imports pytest."""
