"""The model as the checker reads it: ONNX operations, none of them the importer's."""
