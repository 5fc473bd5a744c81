"""Readers of public instance formats: each gives problems of `mapper.solve`."""
