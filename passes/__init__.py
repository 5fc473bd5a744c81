"""The built-in passes, found through entry points like anybody else's."""
