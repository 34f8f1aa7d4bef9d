"""ONNX's own tests of its operators, asked of the importer and the checker.

    python -m tests.compiler.node_cases [OPERATOR ...]

Of each test, whose inputs are all arguments, models of one input are made: one of the floats varies
and the rest are constants; or all are, and the result is a factor, or a mask, of the input.  Each
is refused, or both its value here and onnxruntime's are the expected ones.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.onnx.operations import OPERATIONS as CHECKED
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.base.errors import FidelityError, ModelError
from rhobust.compiler.importers.onnx.load import LAST_ONLY, load_onnx

Array = np.ndarray[Any, Any]
FLOATS = (np.float32, np.float64)


@dataclass(frozen=True)
class Case:
    """A model of one input `x`, at a point, with the output there, (N,) each."""

    name: str
    kind: str
    proto: onnx.ModelProto
    point: Array
    expected: Array


def operators() -> list[str]:
    return sorted([*CHECKED, *LAST_ONLY])


def cases(kinds: Iterable[str]) -> Iterator[Case]:
    """Of all tests of operators."""
    from onnx.backend.test.case import node as package

    wanted = {kind.lower(): kind for kind in kinds}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.iter_modules(package.__path__):
            name = module.name.replace("_", "")
            if name.removesuffix("op") in wanted or name in wanted:
                importlib.import_module(f"{package.__name__}.{module.name}")
    for test in package._NodeTestCases:
        graph = test.model.graph
        if len(graph.node) != 1 or graph.node[0].op_type not in wanted.values():
            continue
        inputs, outputs = ([_array(item) for item in part] for part in test.data_sets[0])
        if all(isinstance(value, np.ndarray) for value in (*inputs, *outputs)):
            for proto, point, expected in _variants(test.model, inputs, outputs):
                yield Case(test.name, graph.node[0].op_type, proto, point, expected.reshape(-1))


def _array(value: Any) -> Any:
    """Numbers of types that numpy lacks are stored as tensors; others than numbers stay."""
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def _variants(
    proto: onnx.ModelProto, inputs: list[Array], outputs: list[Array]
) -> Iterator[tuple[onnx.ModelProto, Array, Array]]:
    names = [value.name for value in proto.graph.input]
    known = dict(zip(names, inputs, strict=True))
    several = range(len(outputs)) if proto.graph.node[0].op_type == "Split" else range(1)
    for number in several:
        output, expected = proto.graph.output[number], outputs[number]
        for name in names:
            if known[name].dtype in FLOATS and known[name].size:
                made = _frozen(proto, {k: v for k, v in known.items() if k != name})
                del made.graph.output[:]
                made.graph.output.append(output)
                yield made, known[name].reshape(-1), expected
        made = _frozen(proto, known)
        if expected.size:
            yield made, *_applied(made, output.name, expected)


def _frozen(proto: onnx.ModelProto, constants: dict[str, Array]) -> onnx.ModelProto:
    """Some of the inputs become initializers."""
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    given = [value for value in made.graph.input if value.name not in constants]
    del made.graph.input[:]
    made.graph.input.extend(given)
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made.graph.initializer.extend(tensors)
    return made


def _applied(made: onnx.ModelProto, name: str, expected: Array) -> tuple[Array, Array]:
    """Makes the model the input times a constant, or its negative where a constant is false."""
    graph = made.graph
    for version in made.opset_import:
        version.version = max(version.version, 9)  # which brought Where
    point = np.linspace(-1.0, 2.0, expected.size).astype(np.float32)
    if expected.dtype == np.bool_:
        graph.node.append(helper.make_node("Neg", ["free_x"], ["free_n"]))
        graph.node.append(helper.make_node("Where", [name, "free_x", "free_n"], ["free_y"]))
        value = np.where(expected.reshape(-1), point, -point)
    else:
        source, factor = name, expected.astype(np.float32).reshape(-1)
        if expected.dtype != np.float32:
            cast = helper.make_node("Cast", [name], ["free_c"], to=TensorProto.FLOAT)
            graph.node.append(cast)
            source = "free_c"
        graph.node.append(helper.make_node("Mul", ["free_x", source], ["free_y"]))
        value = point * factor
    info = helper.make_tensor_value_info
    graph.input.append(info("free_x", TensorProto.FLOAT, expected.shape))
    del graph.output[:]
    graph.output.append(info("free_y", TensorProto.FLOAT, expected.shape))
    return point.astype(np.float64), value


def close(found: Array, case: Case) -> bool:
    expected = case.expected.astype(np.float64)
    if found.shape != expected.shape or not np.isfinite(expected).all():
        return not np.isfinite(expected).all()
    size = max(1.0, float(np.abs(expected).max()))
    return bool(np.all(np.abs(found - expected) <= 1e-5 * size))


def imported(case: Case, path: Path) -> str:
    """equal, or why not."""
    try:
        network = load_onnx(path)
    except FidelityError as error:
        return "refused: not finite" if "not finite" in str(error) else f"misread: {error}"
    except ModelError as error:
        return f"refused: {str(error).removeprefix(f'{path}: ')}"
    point = case.point.astype(np.float64)[None]
    ours, theirs = network.forward(point)[0], network.run(point)[0]
    if network.ordered:
        return "equal" if (np.argsort(ours) == np.argsort(case.expected)).all() else "misordered"
    if not close(ours, case):
        return "onnxruntime differs" if not close(theirs, case) else "differs"
    return "equal" if close(theirs, case) else "onnxruntime differs, we do not"


def checked(case: Case, path: Path) -> str:
    try:
        model = read_model(path)
        point = case.point.astype(np.float64)
        root = Root(model, point, point)
        root.propagate()
    except Refused as refusal:
        return f"refused: {refusal}"
    low, high = root.low[model.output], root.high[model.output]
    if model.ordered:
        return "equal" if (np.argsort(low) == np.argsort(case.expected)).all() else "misordered"
    return "equal" if close(low, case) and close(high, case) else "differs"


def told(case: Case, path: Path) -> tuple[str, str]:
    path.write_bytes(case.proto.SerializeToString())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return imported(case, path), checked(case, path)


def plain(text: str) -> str:
    """A refusal without names and numbers, to be counted."""
    head = text.split("; ")[0].split(" [")[0]
    words = [w for w in head.split() if not any(c in "'0123456789" for c in w)]
    return " ".join(words)[:100]


def fine(answers: tuple[str, str]) -> bool:
    """Whether nothing is misread, and the checker reads no more than the importer."""
    known = all(answer == "equal" or answer.startswith("refused: ") for answer in answers)
    return known and (answers[0] == "equal" or answers[1] != "equal")


def main() -> int:
    wrong, results, seen = 0, [Counter[str](), Counter[str]()], set()
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(sys.argv[1:] or operators()):
            answers = told(case, Path(folder) / "m.onnx")
            seen.add(case.kind)
            for counter, answer in zip(results, answers, strict=True):
                counter[plain(answer)] += 1
            if not fine(answers):
                wrong += 1
                print(case.name, *answers, sep="\n    ")
    for who, counter in zip(("importer", "checker"), results, strict=True):
        print(f"\n{who}: {counter.total()} models")
        for text, count in counter.most_common():
            print(f"{count:6d}  {text}")
    print("\nwithout a test:", *sorted({*operators()} - seen))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
