"""Scheduled regression of mappings: cases are run, kept, compared with what was accepted, and told."""
