"""What the ONNX operators of a kind become, one file a kind; the table is `ops.py`."""
