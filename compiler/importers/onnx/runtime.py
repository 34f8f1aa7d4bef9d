"""The ONNX file's own evaluation by onnxruntime, on one thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...base.arrays import Matrix
from ...base.errors import ModelError
from .model import CHECK, Shape


@dataclass(frozen=True, eq=False)
class OnnxRuntime:
    """Rows of inputs, (B, input_size), to rows of outputs, (B, output_size), as float64.

    The session is built on the first call; a copy or a pickle builds its own.
    shape: of the model's input for one row; batched: rows can be given together, on the first axis.
    """

    source: str
    data: bytes
    input: str
    shape: Shape
    dtype: np.dtype[Any]
    batched: bool

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
        rows = np.ascontiguousarray(inputs, dtype=self.dtype)
        try:
            if self.batched:
                results = [self._run(rows.reshape(len(rows), *self.shape[1:]))]
            else:
                results = [self._run(row.reshape(self.shape)) for row in rows]
            return np.concatenate(results).reshape(len(rows), -1).astype(np.float64)
        except Exception as error:  # the errors of onnxruntime have no common base
            raise ModelError(
                self.source, f"onnxruntime does not evaluate it: {error}; {CHECK}"
            ) from error

    def _run(self, value: Any) -> Any:
        return self._session.run(None, {self.input: value})[0].reshape(-1)
