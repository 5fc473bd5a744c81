"""Passes, pipelines of them, and the instruments that watch a pipeline run."""
