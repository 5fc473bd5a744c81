"""The same model on many targets: each compiled once, side by side, and put into one table."""
