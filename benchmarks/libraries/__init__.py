"""Measures and tables of benchmarks/library.py."""
