"""Passes that rewrite the graph: simplification and fusion."""
