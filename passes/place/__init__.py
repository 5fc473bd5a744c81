"""Passes that decide where each task runs: the solver and the baselines it is measured against."""
