"""Unit models that come with the mapper: one class a file, its fields are the keys of a unit file."""
