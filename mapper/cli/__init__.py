"""The `mapper` command: one function per subcommand, errors as messages with exit codes."""

from mapper.cli.main import main

__all__ = ["main"]
