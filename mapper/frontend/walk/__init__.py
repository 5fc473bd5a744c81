"""The walk over the nodes of a file with facts instead of tensors."""
