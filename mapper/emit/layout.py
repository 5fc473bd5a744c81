"""Where things lie in an emitted folder."""

FOLDER = "weights"
"""Numbers of weights, below the folder of the pieces: onnx and onnxruntime open no data elsewhere."""

ALIGNMENT = 64
"""Bytes that the numbers of a weight begin at a multiple of: a cache line, and the widest vector."""
