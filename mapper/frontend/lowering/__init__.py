"""From the nodes of a file to the ops of the graph."""
