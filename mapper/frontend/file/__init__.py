"""Reading an ONNX file: its bytes, its structure, what must hold of it."""
