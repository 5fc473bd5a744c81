"""Cases, measures and tables of benchmarks/scale.py."""
