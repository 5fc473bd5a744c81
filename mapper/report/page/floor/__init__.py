"""The floor plan of a target: which parts stand together, where each is drawn, and how busy it is."""
