"""The kinds of checks, one a file: what a claim names under `check:`."""
