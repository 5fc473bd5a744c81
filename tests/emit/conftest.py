"""Makes the builders of this folder importable in the folders below it."""
