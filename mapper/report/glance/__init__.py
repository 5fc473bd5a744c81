"""A plan at a glance on a terminal: sections of bars and sparklines, each as lines of text and as data."""
