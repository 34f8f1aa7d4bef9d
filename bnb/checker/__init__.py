"""The checker of certificates: numpy, the standard library, and onnx to read a model's protobuf.

It shares no code with the search, whose results it re-proves.
"""
