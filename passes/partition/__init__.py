"""Passes that group ops into clusters and list the ways to run them."""
