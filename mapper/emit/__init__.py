"""What a plan becomes on disk: files for other tools."""
