"""The ONNX file's own evaluation by onnxruntime, on one thread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...base.arrays import Matrix, Vector
from ...base.errors import ModelError
from .model import CHECK, Array, Feed


@dataclass(frozen=True, eq=False)
class OnnxRuntime:
    """Rows of inputs, (B, input_size), to rows of outputs, (B, output_size), as float64.

    The session is built on the first call; a copy or a pickle builds its own.
    feeds: names, shapes and types of the inputs, whose numbers stand one after the other in a row.
    fetched: names of the outputs, likewise. batched: rows can be given together, on the first axis,
    as to one input.
    """

    source: str
    data: bytes
    feeds: tuple[Feed, ...]
    fetched: tuple[str, ...]
    batched: bool = False

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        providers = ["CPUExecutionProvider"]
        # its second attempt would be the same one, with a report on the standard output
        return onnxruntime.InferenceSession(self.data, options, providers, enable_fallback=0)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_session"}

    def __call__(self, inputs: Matrix) -> Matrix:
        try:
            if self.batched:
                (feed,) = self.feeds
                rows = np.ascontiguousarray(inputs, dtype=feed.dtype)
                results = [self._run([rows.reshape(len(rows), *feed.shape[1:])])]
            else:
                results = [self._run(self._fed(row)) for row in inputs]
            return np.concatenate(results).reshape(len(inputs), -1).astype(np.float64)
        except Exception as error:  # the errors of onnxruntime have no common base
            raise ModelError(
                self.source, f"onnxruntime does not evaluate it: {error}; {CHECK}"
            ) from error

    def _fed(self, row: Vector) -> list[Array]:
        """The inputs of which a row is made."""
        ends = np.cumsum([math.prod(feed.shape) for feed in self.feeds])[:-1]
        pairs = zip(self.feeds, np.split(row, ends), strict=True)
        return [part.astype(feed.dtype).reshape(feed.shape) for feed, part in pairs]

    def _run(self, values: Sequence[Array]) -> Vector:
        given = {feed.name: value for feed, value in zip(self.feeds, values, strict=True)}
        found = [np.asarray(out).reshape(-1) for out in self._session.run(self.fetched, given)]
        return found[0] if len(found) == 1 else np.concatenate(found, dtype=np.float64)
