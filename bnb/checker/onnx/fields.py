"""The fields of an ONNX file: tensors, attributes and declared types, in the one form they have.

A file that says something twice, or without its type, means to one reader what it does not mean to
another; so it is refused.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from ..arithmetic import LIMIT, Array, require
from ..model import limit

STORED: dict[int, tuple[type[np.generic], str]] = {
    onnx.TensorProto.FLOAT: (np.float32, "float_data"),
    onnx.TensorProto.DOUBLE: (np.float64, "double_data"),
    onnx.TensorProto.INT32: (np.int32, "int32_data"),
    onnx.TensorProto.INT64: (np.int64, "int64_data"),
    onnx.TensorProto.BOOL: (np.bool_, "int32_data"),
}
"""For each type that is read its numbers, and the field that holds them one by one."""
COMMENTS = {"name", "doc_string", "metadata_props"}
GIVEN = {
    onnx.AttributeProto.FLOAT: "f",
    onnx.AttributeProto.INT: "i",
    onnx.AttributeProto.STRING: "s",
    onnx.AttributeProto.TENSOR: "t",
    onnx.AttributeProto.FLOATS: "floats",
    onnx.AttributeProto.INTS: "ints",
}


def present(message: Any) -> set[str]:
    """The names of the fields that are there."""
    return {field.name for field, _ in message.ListFields()}


def parsed(data: bytes) -> onnx.ModelProto:
    """The model; what this version of the format does not know is no part of one."""
    proto = onnx.ModelProto()
    proto.ParseFromString(data)
    size = proto.ByteSize()
    proto.DiscardUnknownFields()
    require(proto.ByteSize() == size, "fields that the format does not have")
    return proto


def tensor(item: onnx.TensorProto, told: str) -> Array:
    """The numbers of a tensor in their own type; floats are finite."""
    require(item.data_type in STORED, f"{told}: its type {item.data_type}")
    require(item.data_location == onnx.TensorProto.DEFAULT, f"{told}: numbers in another file")
    kind, typed = STORED[item.data_type]
    fields = present(item) - COMMENTS - {"dims", "data_type", "data_location"}
    require(fields <= {"raw_data"} or fields == {typed}, f"{told}: its fields {sorted(fields)}")
    shape = tuple(item.dims)
    require(min(shape, default=1) >= 0, f"{told}: its shape {shape}")
    limit(shape)
    size = math.prod(shape)
    if fields == {typed}:
        found = np.array(getattr(item, typed), dtype=np.int64 if kind is np.bool_ else kind)
    else:
        width = np.dtype(kind)
        require(len(item.raw_data) == size * width.itemsize, f"{told}: its length")
        little = np.dtype("u1") if kind is np.bool_ else width.newbyteorder("<")
        found = np.frombuffer(item.raw_data, dtype=little)
    require(len(found) == size, f"{told}: its length")
    if kind is np.bool_:
        require(np.all((found == 0) | (found == 1)), f"{told}: a truth value beside 0 and 1")
    found = found.astype(kind).reshape(shape)
    require(finite(found), f"{told}: not finite")
    return found


def finite(found: Array) -> bool:
    """Whether no number is NaN, infinite or beyond LIMIT; float32 has no LIMIT to compare with."""
    return found.dtype.kind != "f" or bool(np.all(np.abs(found.astype(np.float64)) <= LIMIT))


def attribute(item: onnx.AttributeProto, told: str) -> Any:
    """A number, bytes, an array or a list of numbers; of the type that is named."""
    require(item.type in GIVEN, f"{told}: its type {item.type}")
    field = GIVEN[item.type]
    fields = present(item) - {"name", "type", "doc_string", field}
    require(not fields, f"{told}: its fields {sorted(fields)}")
    if field == "t":
        return tensor(item.t, told)
    value = getattr(item, field)
    if field in ("floats", "ints"):
        value = list(value)
    floats = {"f": [value], "floats": value}.get(field, [])
    require(np.all(np.isfinite(floats)), f"{told}: not finite")
    return value


def fits(declared: onnx.ValueInfoProto, kind: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    """Whether a declaration agrees with a value; sizes that it leaves open do."""
    if present(declared.type) - {"denotation"} != {"tensor_type"}:
        return not present(declared.type)
    stated = declared.type.tensor_type
    known = STORED.get(stated.elem_type)
    if known is None or np.dtype(known[0]) != kind:
        return False
    if not stated.HasField("shape"):
        return True
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in stated.shape.dim]
    pairs = zip(sizes, shape, strict=False)
    return len(sizes) == len(shape) and all(size in (None, own) for size, own in pairs)
