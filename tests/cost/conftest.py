"""Puts the builders of this folder within reach of the tests below it."""
