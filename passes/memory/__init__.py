"""Passes that decide where in a memory: offsets of buffers, requests in flight."""
