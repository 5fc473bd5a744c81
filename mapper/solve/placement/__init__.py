"""Placement: one option per item under shared capacities; see problem.py for the problem, driver.py for the search."""
