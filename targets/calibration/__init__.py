"""Measures the machine that it runs on and writes what was found as a target file."""
