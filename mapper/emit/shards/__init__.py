"""Pieces of teams: each rank's part of a file's nodes, and the collectives between them."""
