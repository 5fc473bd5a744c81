"""What is better for the judge than the placement problem can tell: a solution changed after it was found."""
