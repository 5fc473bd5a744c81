"""What differs between two plans: what moved, what got faster or slower, and why, adding up to the total."""
