"""The arguments of each command, apart from what the commands do: parsing loads nothing of the compiler."""
