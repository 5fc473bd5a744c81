"""Placement on many equal chips: arrangements of ranks, copies and stages, their pools, and how these are dealt out."""
