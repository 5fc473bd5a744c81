"""What people read: the summary's data, the screen, explanations."""
