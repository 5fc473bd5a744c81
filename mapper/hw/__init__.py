"""Hardware: units, memories and links, the files that describe them, and the routes between them."""
