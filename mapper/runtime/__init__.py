"""Runs an emitted plan: worker processes that execute its pieces on shared memory, and what was measured."""
