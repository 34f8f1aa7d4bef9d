"""Differentiable bounds of a module's outputs over boxes: intervals, and one pass of CROWN.

For training alone: they are rounded like any float32 number, and prove nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ..compiler.base.errors import InputError
from .activation import interval_relu
from .torch_library import library

LINEAR = (
    "Linear", "Conv2d", "ConvTranspose2d", "AvgPool2d", "AdaptiveAvgPool2d", "BatchNorm1d",
    "BatchNorm2d", "Flatten", "Unflatten", "Identity", "Dropout", "Dropout2d", "flatten", "reshape",
    "view", "avg_pool2d", "adaptive_avg_pool2d", "dropout", "squeeze", "unsqueeze", "mean",
    "contiguous", "getitem", "ZeroPad2d",
)  # fmt: skip
"""Modules, functions and methods of one tensor that are affine."""
RISING = (
    "ReLU", "LeakyReLU", "ReLU6", "Hardtanh", "MaxPool2d", "AdaptiveMaxPool2d", "relu",
    "leaky_relu", "max_pool2d", "adaptive_max_pool2d", "clamp", "amax",
)  # fmt: skip
"""Those that grow with each input: their ends are the inputs' ends."""
KNOWN = ("Linear", "Conv2d", "ConvTranspose2d", "BatchNorm1d", "BatchNorm2d")


@dataclass(frozen=True, slots=True)
class Interval:
    """Tensors (B, ...): the middle and half the width, each of which an affine layer maps alone."""

    middle: Any
    half: Any

    @classmethod
    def between(cls, low: Any, high: Any) -> Interval:
        return cls(0.5 * (low + high), 0.5 * (high - low))

    @property
    def low(self) -> Any:
        return self.middle - self.half

    @property
    def high(self) -> Any:
        return self.middle + self.half


class Graph:
    """What torch.fx tells of a module, node after node."""

    _known: WeakKeyDictionary[Any, Graph] = WeakKeyDictionary()

    def __init__(self, module: Any) -> None:
        torch = self.torch = library()
        try:
            # a layer alone is traced as a chain of one, so that fx does not look inside it
            alone = type(module).__name__ in (*LINEAR, *RISING)
            traced = torch.fx.symbolic_trace(torch.nn.Sequential(module) if alone else module)
        except Exception as error:  # tracing runs the module's own code, which may raise anything
            raise InputError(
                f"bounds of {type(module).__name__} need a module that torch.fx traces ({error}); "
                "write its forward without decisions on data"
            ) from error
        self.nodes = list(traced.graph.nodes)
        self.parts = dict(traced.named_modules())
        self.values = {
            node.target: _attribute(traced, node.target)
            for node in self.nodes
            if node.op == "get_attr"
        }

    @classmethod
    def of(cls, module: Any) -> Graph:
        """The graph of a module, traced once."""
        if module not in cls._known:
            cls._known[module] = cls(module)
        return cls._known[module]

    def margins(self, low: Any, high: Any, labels: Any) -> Any:
        """Lower bounds (B, K) of logit_label - logit_k over boxes (B, *shape), by intervals."""
        return self.spread(low, high, labels).low

    def spread(self, low: Any, high: Any, labels: Any) -> Interval:
        """The interval (B, K) of logit_label - logit_k; its middle is no value at any one image.

        A last linear layer is met with the differences of its rows (Gowal et al. 2018, section 3).
        """
        last = self.nodes[-1].args[0]
        part = self.parts.get(last.target) if last.op == "call_module" else None
        if type(part).__name__ != "Linear":
            found = self._ends(low, high)[last]
            rows = self._rows(found.middle.shape[1], labels)
            return _image(rows, found)
        assert part is not None
        before = self._ends(low, high, last)[last.args[0]]
        rows = self._rows(part.weight.shape[0], labels)
        found = _image(rows @ part.weight, before)
        return found if part.bias is None else Interval(found.middle + rows @ part.bias, found.half)

    def crown(self, low: Any, high: Any, labels: Any) -> Any:
        """The same by one backward pass over interval bounds (Zhang et al. 2018)."""
        ends = self._ends(low, high)
        last = self.nodes[-1].args[0]
        rows = {last: self._rows(ends[last].middle.shape[1], labels)}
        total = 0.0
        for node in reversed(self.nodes[:-1]):
            if node not in rows:
                continue
            if node.op == "placeholder":
                image = Interval(ends[node].middle.flatten(1), ends[node].half.flatten(1))
                return total + _image(rows[node].flatten(2), image).low
            row = rows.pop(node)
            for source, part, constant in self._back(node, row, ends):
                rows[source] = rows[source] + part if source in rows else part
                total = total + constant
        return total

    def _rows(self, classes: int, labels: Any) -> Any:
        """(B, K, K): row k is label - k."""
        torch = self.torch
        one = torch.nn.functional.one_hot(labels, classes).to(torch.get_default_dtype())
        return one[:, None, :] - torch.eye(classes)

    def _ends(self, low: Any, high: Any, until: Any = None) -> dict[Any, Interval]:
        """The interval of every node that holds numbers of the images, before `until`."""
        known: dict[Any, Any] = {}
        for node in self.nodes:
            if node is until:
                break
            args = self._known_args(node, known)
            if node.op == "placeholder":
                known[node] = Interval.between(low, high)
            elif node.op == "get_attr":
                known[node] = self.values[node.target]
            elif node.op != "output":
                known[node] = self._forward(node, args)
        return known

    def _forward(self, node: Any, args: list[Any]) -> Any:
        name, call = self._name(node), self._call(node)
        intervals = [item for item in args if isinstance(item, Interval)]
        if not intervals:
            return call(*args)
        first = args[0]
        if name in ("size", "getattr") and isinstance(first, Interval):
            return call(first.middle, *args[1:])
        if name in ("ReLU", "relu"):
            return Interval(*interval_relu(first.middle, first.half))
        if name in RISING and len(intervals) == 1:
            return Interval.between(call(first.low, *args[1:]), call(first.high, *args[1:]))
        if name in LINEAR and len(intervals) == 1:
            if name not in KNOWN:  # all its weights are positive, or it only moves numbers
                return Interval(call(first.middle, *args[1:]), call(first.half, *args[1:]))
            return Interval(call(first.middle), self._absolute(node)(first.half))
        if name in ("add", "sub", "iadd") and len(args) == 2:
            return _sum(args, -1.0 if name == "sub" else 1.0)
        scaled = name == "mul" or name in ("truediv", "div") and isinstance(first, Interval)
        if scaled and len(args) == 2 and len(intervals) == 1:
            middle = call(*(a.middle if isinstance(a, Interval) else a for a in args))
            half = call(*(a.half if isinstance(a, Interval) else a for a in args))
            return Interval(middle, half.abs())
        raise InputError(f"bounds of {name!r} are not known; train by another method")

    def _back(self, node: Any, row: Any, ends: dict[Any, Interval]) -> list[tuple[Any, Any, Any]]:
        """Rows on the sources of a node, from rows (B, K, ...) on it, and constants (B, K)."""
        name, torch = self._name(node), self.torch
        nodes = [item for item in node.args if isinstance(item, torch.fx.Node)]
        sources = [item for item in nodes if isinstance(ends.get(item), Interval)]
        shape = row.shape[:2]
        if name in ("add", "sub", "iadd"):
            found = [(source, row, 0.0) for source in sources]
            if name == "sub" and len(sources) == 2:
                found[1] = (sources[1], -row, 0.0)
            if len(sources) == len(node.args):
                return found
        source = ends[sources[0]]
        if name in ("ReLU", "relu"):
            low, high = source.low[:, None], source.high[:, None]
            upper = (high / (high - low).clamp(min=1e-12)).clamp(0.0, 1.0)
            upper = torch.where(low >= 0.0, torch.ones_like(upper), upper)
            lower = (high > -low).to(row.dtype)
            lower = torch.where(low >= 0.0, torch.ones_like(lower), lower)
            lower = torch.where(high <= 0.0, torch.zeros_like(lower), lower)
            positive, negative = row.clamp(min=0.0), row.clamp(max=0.0)
            # r >= lower z where the row is positive, r <= upper (z - low) where it is negative
            constant = (negative * -upper * low.clamp(max=0.0)).flatten(2).sum(2)
            return [(sources[0], positive * lower + negative * upper, constant)]
        if name in LINEAR or (name in ("add", "sub", "mul", "truediv", "div")):
            call, others = self._call(node), self._known_args(node, ends)

            def run(value: Any) -> Any:
                return call(*(value if isinstance(o, Interval) else o for o in others))

            flat = row.flatten(0, 1)
            zero = torch.zeros(len(flat), *source.low.shape[1:], requires_grad=True)
            value = run(zero)
            part = torch.autograd.grad(value, zero, flat, create_graph=True)[0]
            constant = (flat * value).flatten(1).sum(1).reshape(shape)
            return [(sources[0], part.reshape(*shape, *part.shape[1:]), constant)]
        raise InputError(f"CROWN's bounds of {name!r} are not known; train by ibp or sabr")

    def _known_args(self, node: Any, known: dict[Any, Any]) -> list[Any]:
        """A node's arguments, with what is known in place of nodes, inside of indices too."""
        return list(self.torch.fx.node.map_arg(node.args, lambda item: known.get(item, item)))

    def _name(self, node: Any) -> str:
        if node.op == "call_module":
            return type(self.parts[node.target]).__name__
        return str(node.target if node.op == "call_method" else node.target.__name__)

    def _call(self, node: Any) -> Callable[..., Any]:
        """What a node does, as the network will once it is trained."""
        functional = self.torch.nn.functional
        options = dict(node.kwargs)
        if node.op == "call_method":
            return lambda first, *rest: getattr(first, node.target)(*rest, **options)
        if node.op == "call_function":
            if node.target.__name__ == "dropout":
                return lambda first, *rest: first
            return lambda *args: node.target(*args, **options)
        part = self.parts[node.target]
        kind = type(part).__name__
        if kind.startswith("Dropout"):
            return lambda first: first
        if kind.startswith("BatchNorm"):
            return lambda x: functional.batch_norm(
                x, part.running_mean, part.running_var, part.weight, part.bias, False, 0.0, part.eps
            )
        return lambda x: part(x)

    def _absolute(self, node: Any) -> Callable[[Any], Any]:
        """The map of one of `KNOWN` with the magnitudes of its weights, without its bias."""
        functional, part = self.torch.nn.functional, self.parts[node.target]
        kind = type(part).__name__
        if kind == "Linear":
            return lambda x: functional.linear(x, part.weight.abs())
        if kind.startswith("BatchNorm"):
            scale = 1.0 if part.weight is None else part.weight.abs()
            factor = scale * (part.running_var + part.eps).rsqrt()
            return lambda x: x * factor.reshape(1, -1, *[1] * (x.dim() - 2))
        if getattr(part, "padding_mode", "zeros") != "zeros":
            raise InputError(f"bounds of a padding {part.padding_mode!r} are not known")
        if kind == "Conv2d":
            return lambda x: functional.conv2d(
                x, part.weight.abs(), None, part.stride, part.padding, part.dilation, part.groups
            )
        return lambda x: functional.conv_transpose2d(
            x, part.weight.abs(), None, part.stride, part.padding, part.output_padding,
            part.groups, part.dilation,
        )  # fmt: skip


def _attribute(module: Any, name: str) -> Any:
    return operator.attrgetter(name)(module)


def _sum(args: list[Any], sign: float) -> Interval:
    (one, half), (other, more) = (
        (a.middle, a.half) if isinstance(a, Interval) else (a, 0.0) for a in args
    )
    return Interval(one + sign * other, half + more)


def _image(rows: Any, box: Interval) -> Interval:
    """(B, K): rows (B, K, D) over boxes (B, D)."""
    middle, half = box.middle[:, :, None], box.half[:, :, None]
    return Interval((rows @ middle)[:, :, 0], (rows.abs() @ half)[:, :, 0])
