"""Maps ONNX graphs onto heterogeneous chips."""
