"""The checker's pieces against rationals, dense rows and hand-made examples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.bnb.checker.arithmetic import Array, Refused, at_most_sum, growth, midpoint
from rhobust.bnb.checker.claim import Branch, Part
from rhobust.bnb.checker.convolution import Convolution
from rhobust.bnb.checker.exact.root import ExactRoot
from rhobust.bnb.checker.exact.rows import ExactReduced
from rhobust.bnb.checker.exact.whole import Whole, ceil, exactly, floor
from rhobust.bnb.checker.model import Model
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.operators import Dense, Operator, Scale, Select
from rhobust.bnb.checker.rounded.coefficients import Rows, fitting, joined, step
from rhobust.bnb.checker.rounded.root import Root
from rhobust.bnb.checker.rounded.rows import Reduced
from rhobust.bnb.checker.rounded.slopes import Slopes, slopes
from rhobust.bnb.checker.vnnlib import parse

from .certificates import Network, network

SEEDS = st.integers(0, 10**6)


def _convolution(random: np.random.Generator) -> Convolution:
    groups = int(random.integers(1, 3))
    channels, outs = groups * int(random.integers(1, 3)), groups * int(random.integers(1, 3))
    kernel = random.integers(1, 4, 2)
    weight = random.integers(-8, 9, (outs, channels // groups, *kernel)) / 8.0
    pads = tuple(int(n) for n in random.integers(0, 3, 4))
    strides, dilations = (tuple(int(n) for n in random.integers(1, 3, 2)) for _ in range(2))
    shape = (channels, int(random.integers(5, 9)), int(random.integers(5, 9)))
    return Convolution(weight, shape, strides, pads, dilations, groups)  # type: ignore[arg-type]


def _operators(random: np.random.Generator) -> list[tuple[Operator, int]]:
    conv = _convolution(random)
    index = random.integers(-1, 6, 9)
    return [
        (conv, int(np.prod(conv.shape))),
        (Dense(random.integers(-8, 9, (4, 6)) / 8.0), 6),
        (Scale(random.integers(-8, 9, 6) / 8.0), 6),
        (Select(index, 6), 6),
        (Scale(), 6),
    ]


@settings(deadline=None)
@given(SEEDS)
def test_adjoints(seed: int) -> None:
    """<A x, y> = <x, A' y>, and |A| holds for magnitudes; all in eighths, so exactly."""
    random = np.random.default_rng(seed)
    for operator, size in _operators(random):
        x = random.integers(-8, 9, (3, size)) / 8.0
        forward = operator.forward(x, operator.weight)
        y = random.integers(-8, 9, forward.shape) / 8.0
        assert np.array_equal((forward * y).sum(axis=1), (x * operator.adjoint(y)).sum(axis=1))
        weight = operator.weight
        size_of = operator.forward(np.abs(x), None if weight is None else np.abs(weight))
        assert np.all(np.abs(forward) <= size_of)
        matrix = operator.forward(np.eye(size), operator.weight).T
        assert operator.terms[0] >= (matrix != 0.0).sum(axis=1).max(initial=0)
        assert operator.terms[1] >= (matrix != 0.0).sum(axis=0).max(initial=0)


@settings(deadline=None)
@given(SEEDS)
def test_sparse_rows_equal_dense_ones(seed: int) -> None:
    """Steps back through each operator, and sums, of rows of which each names few elements."""
    random = np.random.default_rng(seed)
    for operator, size in _operators(random):
        width = operator.forward(np.zeros((1, size)), operator.weight).shape[1]
        parts = []
        for _ in range(2):
            count = int(random.integers(1, min(width, 4) + 1))
            index = np.stack([random.permutation(width)[:count] for _ in range(3)])
            values = random.integers(-8, 9, (6, count)) / 8.0
            index[random.random((3, count)) < 0.2] = width
            values = values * np.tile(index < width, (2, 1))
            parts.append(Rows(values, index))
        dense = [rows.dense(width) for rows in parts]
        for rows, wide in zip(parts, dense, strict=True):
            found = step(operator, fitting(operator, rows, width, True), size)
            assert np.array_equal(found.dense(size), operator.adjoint(wide))
        assert np.array_equal(joined(parts[0], parts[1], width).dense(width), sum(dense))
        assert np.array_equal(
            joined(parts[0], parts[1], 4 * width).dense(4 * width)[:, :width], sum(dense)
        )


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), SEEDS)
def test_growth_covers_any_order_of_summation(values: list[float], seed: int) -> None:
    other = np.random.default_rng(seed).permutation(len(values))
    factors = np.asarray(values)[other]
    exact = sum(
        (Fraction(a) * Fraction(b) for a, b in zip(values, factors.tolist(), strict=True)),
        Fraction(0),
    )
    size = float(np.abs(values) @ np.abs(factors))
    for found in (float(np.dot(values, factors)), float(sum(np.multiply(values, factors)))):
        assert abs(Fraction(found) - exact) <= Fraction(growth(len(values)) * size + 1e-150)


NUMBERS: st.SearchStrategy[float] = st.one_of(
    st.floats(-1e3, 1e3), st.integers(-20, 20).map(lambda n: n / 10.0)
)


@given(NUMBERS, NUMBERS, st.integers(-2, 2))
def test_sums_are_compared_exactly(a: float, b: float, steps: int) -> None:
    bound = a + b
    for _ in range(abs(steps)):
        bound = float(np.nextafter(bound, np.sign(steps) * np.inf))
    truth = Fraction(bound) <= Fraction(a) + Fraction(b)
    assert at_most_sum(np.array([a]), np.array([b]), np.array([bound])) == truth


@given(NUMBERS, NUMBERS)
def test_slopes_and_midpoints_enclose(a: float, b: float) -> None:
    least, greatest = sorted([float(a), float(b)])
    low, high = np.array([least]), np.array([greatest])
    alpha, s, t = (Fraction(float(item[0])) for item in slopes(low, high))
    assert 0 <= alpha <= 1 and 0 <= s <= 1
    for end in (low, high, np.clip(np.zeros(1), low, high)):
        z = Fraction(float(end[0]))
        assert alpha * z <= max(z, Fraction(0)) <= s * z + t
    centre, radius = (Fraction(float(item[0])) for item in midpoint(low, high))
    assert centre - radius <= Fraction(least) <= Fraction(greatest) <= centre + radius


@pytest.mark.parametrize("columns", [5, 400])
def test_sparse_rows_are_added_up(columns: int) -> None:
    """Two sets of rows with coefficients on the same elements, and with several on one."""
    random = np.random.default_rng(columns)
    size = 10 * columns
    parts = [
        Rows(
            random.integers(-8, 9, (6, columns)) / 8.0,
            random.integers(0, size // 2, (3, columns)),
        )
        for _ in range(2)
    ]
    wanted = np.zeros((6, size))
    for part in parts:
        assert part.index is not None
        for row in range(6):
            np.add.at(wanted[row], part.index[row % 3], part.values[row])
    assert (joined(parts[0], parts[1], size).dense(size) == wanted).all()


@given(SEEDS)
def test_products_of_whole_numbers(seed: int) -> None:
    """Exact, however many digits and terms there are."""
    random = np.random.default_rng(seed)
    few, power = int(random.integers(1, 600)), int(random.integers(0, 100))

    def numbers(shape: tuple[int, int]) -> Array:
        bits = random.integers(1, int(random.integers(2, 300)), shape)
        found = [int(random.integers(-(2**62), 2**62)) * 2 ** int(k) >> 62 for k in bits.flat]
        return np.array(found, dtype=object).reshape(shape)

    left, right = numbers((3, few)), numbers((few, 4))
    found = Whole(left, power) @ Whole(right, 7)
    assert found.power == power + 7 and np.array_equal(found.values, left @ right)
    total = Whole(left[:, 0], power) + Whole(right[:3, 0], 7)
    for item, a, b in zip(total.values, left[:, 0], right[:3, 0], strict=True):
        truth = Fraction(a, 2**power) + Fraction(b, 2**7)
        assert Fraction(item, 2**total.power) == truth
        assert Fraction(float(Whole(np.array([item]), total.power).below()[0])) <= truth


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(FLOATS, st.integers(0, 1200))
def test_whole_numbers_near_floats(value: float, power: int) -> None:
    array = np.array([value])
    with np.errstate(all="ignore"):
        below, above = (function(array, power).values[0] for function in (floor, ceil))
        exact = exactly(array)
        assert exact.nearest()[0] == value
    assert below <= Fraction(value) * 2**power <= above <= below + 1
    assert Fraction(exact.values[0], 2**exact.power) == Fraction(value)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_no_whole_number_is_infinite(number: float) -> None:
    with pytest.raises(Refused, match="not finite"):
        floor(np.array([1.0, number]), 40)


def _exact(net: Network, x: list[Fraction]) -> list[list[Fraction]]:
    """Pre-activations of all layers, the outputs last; float32 weights are exact."""
    found, values = [], x
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        if layer:
            values = [max(value, Fraction(0)) for value in values]
        values = [
            sum((Fraction(float(w)) * v for w, v in zip(row, values, strict=True)), Fraction(b))
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        found.append(values)
    return found


@pytest.mark.parametrize("exact", [False, True])
@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_rows_and_bounds_hold_in_rationals(exact: bool, seed: int) -> None:
    """Intervals, reduced rows and passes at random points, for weights that round everywhere."""
    random = np.random.default_rng(seed)
    sizes = [2, 5, 4, 3] if random.random() < 0.5 else [2, 4, 4, 4, 4, 3]
    scale = 2.0 ** random.integers(0, 5)  # by which coefficients grow from layer to layer
    pairs = list(zip(sizes, sizes[1:], strict=False))
    normal = [(scale * random.normal(size=(b, a)), random.normal(size=b)) for a, b in pairs]
    stored = [[item.astype(np.float32).astype(float) for item in pair] for pair in normal]
    net = Network([pair[0] for pair in stored], [pair[1] for pair in stored])
    model = _model(net)
    low = random.uniform(-1, 0.5, 2)
    high = low + random.uniform(0, 0.7, 2)
    start, index, value = np.array([0, 2]), np.array([2, 3]), np.array([1.0, -1.0])
    part = Part(low, high, start, index, value, np.zeros(1), Branch((), ()), [])
    root = (ExactRoot if exact else Root)(model, low, high)
    root.propagate()
    units: dict[int, Array] = {}
    for number, tensor in enumerate(model.tensors):
        if tensor.relu is not None:
            below, above = root.low[tensor.relu], root.high[tensor.relu]
            mine = np.flatnonzero((below < 0.0) & (above > 0.0))
            units |= {number: mine} if len(mine) else {}
    reduced = (ExactReduced if exact else Reduced)(root, part, units)
    plain = Slopes.plain(reduced.low[None], reduced.high[None])
    alpha = np.where(plain.t > 0.0, random.random(plain.alpha.shape), plain.alpha)
    chosen = Slopes(alpha, plain.s, plain.t, plain.bounds)
    weight, bias, cost = reduced.atom_sums(np.ones((1, 1)))
    none = np.zeros(1, dtype=np.int64)
    bound = reduced.backward(weight.copy(), bias, cost, len(units), chosen, none)
    box = low[None], high[None]
    if exact:
        other = Reduced.backward(reduced, weight, bias, cost, len(units), chosen, none)
        mine, wanted = reduced.least(*bound, *box), Reduced.over_box(reduced, *other, *box)
        size = np.abs(reduced.most).max() * scale ** len(sizes)
        assert abs(mine - wanted) <= 1e-9 * size
        span = reduced.layers[-1] if reduced.layers else slice(0, 0)
        several = np.arange(span.start, span.stop), span.start, *box, *plain.bounds
        ends = zip(reduced.interval(*several), Reduced.interval(reduced, *several), strict=True)
        for mine, wanted in ends:
            assert (np.abs(mine - wanted) <= 1e-9 * size).all()
    for _ in range(4):
        x = [
            Fraction(float(a)) + (Fraction(float(b)) - Fraction(float(a))) * int(k) / 8
            for a, b, k in zip(low, high, random.integers(0, 9, 2), strict=True)
        ]
        truth = _exact(net, x)
        layers = [n for n, tensor in enumerate(model.tensors) if tensor.relu is None and n]
        for number, values in zip(layers, truth, strict=True):
            for z, a, b in zip(values, root.low[number], root.high[number], strict=True):
                assert Fraction(float(a)) <= z <= Fraction(float(b))
        inner = []
        for number, mine in units.items():
            inner += [truth[layers.index(_source(model, number))][i] for i in mine]
        v = [*x, *(max(z, Fraction(0)) for z in inner)]
        for i, z in enumerate(inner):
            found = _dot(reduced.units.weight[i], v) + Fraction(float(reduced.units.bias[i]))
            assert abs(found - z) <= Fraction(float(reduced.units.error[i]))
        atom = truth[-1][0] - truth[-1][1]
        assert _dot(bound[0][0], x) + Fraction(float(bound[1][0])) <= atom


def _source(model: Model, number: int) -> int:
    source = model.tensors[number].relu
    assert source is not None
    return source


def _dot(row: Array, values: list[Fraction]) -> Fraction:
    pairs = zip(row.tolist(), values, strict=True)
    return sum((Fraction(a) * b for a, b in pairs), Fraction(0))


def _model(net: Network) -> Model:
    with tempfile.TemporaryDirectory() as place:
        net.save(Path(place) / "m.onnx")
        return read_model(Path(place) / "m.onnx")


def _onnx(
    path: Path, nodes: list[onnx.NodeProto], weights: dict[str, Array], shape: list[int]
) -> Model:
    kind = onnx.TensorProto.FLOAT
    given_ = onnx.helper.make_tensor_value_info("x", kind, shape)
    found = onnx.helper.make_tensor_value_info("y", kind, None)
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = onnx.helper.make_graph(nodes, "g", [given_], [found], tensors)
    path.write_bytes(
        onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
        ).SerializeToString()
    )
    return read_model(path)


def _reshaped_net(path: Path, random: np.random.Generator) -> Model:
    """Images of other sides between convolutions, as many elements a channel.

    No bound is 0 by chance, which rounding would tell as unstable.
    """
    shapes = {"w1": (2, 1, 1, 1), "w2": (2, 2, 2, 2), "scale": (1, 2, 1, 1), "w3": (2, 2, 1, 1)}
    weights: dict[str, Array] = {
        name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()
    }
    weights["shape"] = np.array([1, 2, 6, 6])
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["x", "w1"], ["z1"], kernel_shape=[1, 1]),
        make("Reshape", ["z1", "shape"], ["f"]),
        make("Relu", ["f"], ["r1"]),
        make("Conv", ["r1", "w2"], ["z2"]),
        make("Mul", ["z2", "scale"], ["s"]),
        make("Transpose", ["s"], ["t"], perm=[0, 1, 3, 2]),
        make("Relu", ["t"], ["r2"]),
        make("Conv", ["r2", "w3"], ["z3"]),
        make("Add", ["z3", "r2"], ["z4"]),
        make("Relu", ["z4"], ["r3"]),
        make("Conv", ["r3", "w3"], ["y"]),
    ]
    return _onnx(path, nodes, weights, [1, 1, 4, 9])


def _conv_net(path: Path, random: np.random.Generator) -> Model:
    weights = {
        "w1": random.integers(-8, 9, (3, 1, 3, 3)).astype(np.float32) / 8,
        "b1": random.integers(-8, 9, 3).astype(np.float32) / 8,
        "w2": random.integers(-8, 9, (4, 3, 3, 3)).astype(np.float32) / 8,
        "w3": random.integers(-8, 9, (2, 4 * 7 * 5)).astype(np.float32) / 8,
    }
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["x", "w1", "b1"], ["z1"], pads=[1, 1, 1, 1], strides=[2, 2]),
        make("Relu", ["z1"], ["r1"]),
        make("Conv", ["r1", "w2"], ["z2"], pads=[1, 0, 1, 0]),
        make("Relu", ["z2"], ["r2"]),
        make("Flatten", ["r2"], ["f"]),
        make("Gemm", ["f", "w3"], ["y"], transB=1),
    ]
    return _onnx(path, nodes, weights, [1, 1, 14, 14])


def always(side: tuple[int, int]) -> bool:
    return True


def never(side: tuple[int, int]) -> bool:
    return False


@pytest.mark.parametrize("net", [_conv_net, _reshaped_net])
@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_patches_equal_dense_rows(net: Callable[..., Model], seed: int) -> None:
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        model = net(Path(place) / "m.onnx", random)
    # off the grid: where u = -l exactly, rounding decides which plain slope is taken
    image = random.random(model.inputs)
    bounds = []
    for small in (always, never):
        for tensor in model.tensors:
            for _, operator in tensor.terms:
                if isinstance(operator, Convolution):
                    operator.__dict__["small"] = small
        for which in (Root, ExactRoot):
            root = which(model, image - 0.5, image + 0.5)
            root.propagate()
            bounds.append(np.concatenate([*root.low, *root.high]))
    for found in bounds[1:]:
        assert np.allclose(bounds[0], found, rtol=0.0, atol=1e-9)


def test_models_agree_with_their_runtime(tmp_path: Path) -> None:
    """Every operator that is read, at points: intervals over a point are its values."""
    onnxruntime = pytest.importorskip("onnxruntime")
    random = np.random.default_rng(5)
    make = onnx.helper.make_node
    weights: dict[str, Array] = {
        "w": random.normal(size=(4, 1, 3, 3)).astype(np.float32),
        "scale": random.random(4).astype(np.float32),
        "shift": random.random(4).astype(np.float32),
        "mean": random.random(4).astype(np.float32),
        "variance": random.random(4).astype(np.float32) + 0.5,
        "two": np.array([2.5], dtype=np.float32),
        "m": random.normal(size=(36, 5)).astype(np.float32),
        "b": random.normal(size=5).astype(np.float32),
        "shape": np.array([1, -1]),
        "starts": np.array([1]),
        "ends": np.array([4]),
        "axes": np.array([1]),
        "index": np.array([2, 0]),
        "pads": np.array([0, 0, 1, 0, 0, 0, 0, 1]),
    }
    nodes = [
        make("Pad", ["x", "pads"], ["p"]),
        make("Conv", ["p", "w"], ["c"], strides=[2, 1]),
        make("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["n"]),
        make("Relu", ["n"], ["r"]),
        make("AveragePool", ["r"], ["a"], kernel_shape=[2, 2], pads=[1, 0, 0, 0]),
        make("Mul", ["a", "two"], ["a2"]),
        make("Add", ["a2", "a"], ["s"]),
        make("Transpose", ["s"], ["t"], perm=[0, 2, 3, 1]),
        make("Reshape", ["t", "shape"], ["f"]),
        make("MatMul", ["f", "m"], ["g"]),
        make("Add", ["g", "b"], ["h"]),
        make("Slice", ["h", "starts", "ends", "axes"], ["u"]),
        make("Div", ["u", "two"], ["d"]),
        make("Gather", ["d", "index"], ["e"], axis=1),
        make("Sub", ["two", "e"], ["k"]),
        make("Concat", ["k", "u"], ["y"], axis=1),
    ]
    model = _onnx(tmp_path / "m.onnx", nodes, weights, [1, 1, 6, 5])
    session = onnxruntime.InferenceSession((tmp_path / "m.onnx").read_bytes())
    for _ in range(5):
        x = random.normal(size=(1, 1, 6, 5)).astype(np.float32)
        root = Root(model, x.reshape(-1).astype(float), x.reshape(-1).astype(float))
        root.propagate()
        found = session.run(None, {"x": x})[0].reshape(-1)
        assert np.all(root.high[model.output] - root.low[model.output] < 1e-9)
        assert np.allclose(found, root.low[model.output], atol=1e-5)


@pytest.mark.parametrize(
    "node",
    [
        onnx.helper.make_node("Sigmoid", ["x"], ["y"]),
        onnx.helper.make_node(
            "AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1
        ),
        onnx.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], storage_order=1),
        onnx.helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 2]),
        onnx.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strange=1),
        onnx.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[5, 1]),
        onnx.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], pads=[1, 0, 0, 0]),
        onnx.helper.make_node(
            "MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[2, 2], auto_pad="SAME_UPPER"
        ),
        onnx.helper.make_node("ReduceMax", ["x"], ["y"], noop_with_empty_axes=1),
        onnx.helper.make_node("Clip", ["x", "w"], ["y"]),
        onnx.helper.make_node("Clip", ["x", "x"], ["y"]),
        onnx.helper.make_node("PRelu", ["x", "x"], ["y"]),
        onnx.helper.make_node("Max", ["w", "w"], ["y"]),
        onnx.helper.make_node("Sign", ["x"], ["y"]),
        onnx.helper.make_node("Mul", ["x", "x"], ["y"]),
        onnx.helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME"),
        onnx.helper.make_node("Identity", ["x", "w"], ["y"]),
        onnx.helper.make_node("Relu", ["x"], ["y"], strange=1),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, node: onnx.NodeProto) -> None:
    weights = {"w": np.ones((1, 1, 3, 3), dtype=np.float32)}
    with pytest.raises(Refused):
        _onnx(tmp_path / "m.onnx", [node], weights, [1, 1, 4, 4])


def test_properties() -> None:
    head = "".join(f"(declare-const {name} Real)\n" for name in ("X_0", "X_1", "Y_0")) + "; note\n"
    cases = parse(head + "(assert (and (<= X_0 0.1) (or (>= Y_0 X_1) (= Y_0 2))))", 2, 1)
    tenth, two = Fraction(1, 10), Fraction(2)
    none, one = Fraction(0), Fraction(1)
    assert [[(item.terms, item.offset) for item in case] for case in cases] == [
        [(((0, one),), -tenth), (((1, one), (2, -one)), none)],
        [(((0, one),), -tenth), (((2, one),), -two), (((2, -one),), two)],
    ]
    (case,) = parse(head + "(assert (not (or (< (+ X_0 (* 2 X_1)) 1) (not (> Y_0 -1e-1)))))", 2, 1)
    assert [(item.terms, item.offset) for item in case] == [
        (((0, -one), (1, -two)), one),
        (((2, -one),), -tenth),
    ]
    assert len(parse(head + "(assert (=> (< X_0 1) (<= X_0 X_1 Y_0)))", 2, 1)) == 2
    for wrong in (
        "(assert (<= X_2 1))",
        "(assert (<= (* X_0 X_1) 1))",
        "(assert (<= X_0 1)",
        "(assert maybe)",
        "(check)",
        "(declare-const X_0 Real)",
        "(declare-const Z_0 Real)",
        "(declare-const X_7 Real)",
        "(assert (<= X_0 0x10))",
        "(assert (<= X_0 nan))",
    ):
        with pytest.raises(Refused):
            parse(head + wrong, 2, 1)
    many = "".join(f"(assert (or {'(<= X_0 1)' * 9}))" for _ in range(30))
    with pytest.raises(Refused, match="too many"):
        parse(head + many, 2, 1)


def test_a_random_network_is_read_as_it_is() -> None:
    net = network(np.random.default_rng(1), [3, 4, 2])
    model = _model(net)
    x = np.array([0.25, -0.5, 1.0])
    root = Root(model, x, x)
    root.propagate()
    assert np.allclose(root.low[model.output], net.outputs(x[None])[0], atol=1e-12)
