"""What follows for the outputs of one node: shapes, types, numbers."""
