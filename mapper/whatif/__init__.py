"""What becomes of a plan when a figure of its target is another."""
