"""The open dims of a file: names, roles, expressions, and binding them to sizes."""
