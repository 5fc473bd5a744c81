"""Optimisation problems and the algorithms that solve them; nothing here knows graphs, chips or plans."""
