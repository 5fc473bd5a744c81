"""Other ways to place a model, written anew after their papers: what benchmarks/quality.py compares the solver with."""
