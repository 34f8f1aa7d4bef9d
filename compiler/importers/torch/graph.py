"""Reads the graph of a PyTorch module that torch.fx has traced, node by node."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...base.errors import ModelError
from ..assembly import Assembly, Call
from ..onnx.node import Symbol
from . import calls as torch_calls
from . import layers as torch_layers

SUPPORTED = (*torch_layers.LAYERS, *torch_layers.LAST_ONLY, *torch_calls.CALLS)
IN_PLACE = "in place on a value that is used again; write it without inplace"


def last_softmax(traced: Any) -> Any:
    """The softmax that ends the graph, or None."""
    end = next(node for node in traced.graph.nodes if node.op == "output").args[0]
    if getattr(end, "op", None) == "call_module":
        return end if _class(traced, end) in torch_layers.LAST_ONLY else None
    if getattr(end, "op", None) in ("call_function", "call_method"):
        return end if _function(end) in torch_calls.LAST_ONLY else None
    return None


def without(torch: Any, traced: Any, softmax: Any) -> Any:
    """A copy of a `torch.fx.GraphModule` that ends before its softmax."""
    graph = torch.fx.Graph()
    copies: dict[Any, Any] = {}
    graph.graph_copy(traced.graph, copies)
    graph.output(
        copies[softmax].args[0] if copies[softmax].args else copies[softmax].kwargs["input"]
    )
    graph.erase_node(copies[softmax])
    return torch.fx.GraphModule(traced, graph)


def _class(traced: Any, node: Any) -> str:
    return type(traced.get_submodule(node.target)).__name__


def _function(node: Any) -> str:
    """The name of a function or method; `relu` for `relu_`, which works in place."""
    name = node.target if node.op == "call_method" else getattr(node.target, "__name__", "")
    return str(name).removesuffix("_")


@dataclass(frozen=True, eq=False)
class Reader:
    """What one graph has come to so far; tensors that the input does not reach stay PyTorch's."""

    torch: Any
    assembly: Assembly
    traced: Any
    softmax: Any
    known: dict[Any, Any] = field(default_factory=dict)

    def read(self) -> Symbol:
        """The output of the graph, without its last softmax."""
        for node in self.traced.graph.nodes:
            if node.op == "output":
                result = self._filled(node.args[0])
                if isinstance(result, Symbol):
                    return result
                break
            self.known[node] = self._value(node)
        raise ModelError(self.assembly.source, "its output is not one tensor made from its input")

    def _filled(self, value: Any) -> Any:
        """Arguments with what the nodes in them have come to."""
        return self.torch.fx.node.map_arg(value, self.known.__getitem__)

    def _value(self, node: Any) -> Any:
        if node.op == "placeholder":
            return self._input(node)
        if node.op == "get_attr":
            return operator.attrgetter(node.target)(self.traced)
        arguments, options = self._filled(node.args), self._filled(node.kwargs)
        kind = _class(self.traced, node) if node.op == "call_module" else _function(node)
        name = str(node.target) if node.op == "call_module" else node.name
        call = self.assembly.call(name, kind)
        if not any(isinstance(self.known[source], Symbol) for source in node.all_input_nodes):
            try:
                return self._folded(node, arguments, options)
            except Exception as error:  # PyTorch's own code, which may raise anything
                call.fail(f"cannot be computed from the weights ({error})")
        with call.reading():
            if node is self.softmax:
                return self._before_softmax(call, node, arguments, options)
            self._check_in_place(call, node, options)
            arguments, options = self._arrays(call, arguments), self._arrays(call, options)
            if node.op == "call_module":
                layer = self.traced.get_submodule(node.target)
                if kind not in torch_layers.LAYERS or type(layer) is not getattr(
                    self.torch.nn, kind, None
                ):
                    call.refuse()
                return torch_layers.LAYERS[kind](call, layer, *arguments, **options)
            return self._handler(call, node)(call, *arguments, **options)

    def _input(self, node: Any) -> Symbol:
        if self.known:  # even with a default, which the trace does not follow
            raise ModelError(self.assembly.source, f"has a second input, {node.target!r}")
        return self.assembly.input

    def _folded(self, node: Any, arguments: Any, options: Any) -> Any:
        if node.op == "call_method":
            return getattr(arguments[0], node.target)(*arguments[1:], **options)
        if node.op == "call_module":
            return self.traced.get_submodule(node.target)(*arguments, **options)
        return node.target(*arguments, **options)

    def _handler(self, call: Call, node: Any) -> Callable[..., Any]:
        """The function that reads a call; refuses one that only bears a known name."""
        homes = (self.torch, self.torch.nn.functional, operator, builtins)
        own = node.op == "call_function" and not any(
            getattr(home, node.target.__name__, None) is node.target for home in homes
        )
        if own or call.kind not in torch_calls.CALLS:
            call.refuse()
        return torch_calls.CALLS[call.kind]

    def _check_in_place(self, call: Call, node: Any, options: Any) -> None:
        """Refuses to change a value that is read again: the graph does not show the change."""
        if node.op == "call_module":
            changes = getattr(self.traced.get_submodule(node.target), "inplace", False)
        else:
            named = node.op == "call_method" and node.target.endswith("_")
            changes = named or options.get("inplace", False)
        call.require(not changes or len(node.all_input_nodes[0].users) == 1, "inplace", IN_PLACE)

    def _arrays(self, call: Call, value: Any) -> Any:
        """Arguments with tensors as arrays, which must be of the module's own precision."""
        if isinstance(value, self.torch.Tensor):
            array = np.asarray(torch_layers.numbers(value))
            if array.ndim and array.dtype.kind == "f" and array.dtype != self.assembly.dtype:
                call.fail(f"mixes {array.dtype} with {self.assembly.dtype}")
            return array
        if isinstance(value, (tuple, list)):
            parts = [self._arrays(call, part) for part in value]
            return parts if isinstance(value, list) else tuple(parts)
        if isinstance(value, dict):
            return {key: self._arrays(call, part) for key, part in value.items()}
        return value

    def _before_softmax(self, call: Call, node: Any, arguments: Any, options: Any) -> Symbol:
        """The softmax's input, over all of which it must go: else it may change the order."""
        source: Symbol = self.known[node.all_input_nodes[0]]
        if node.op == "call_module":
            axis = self.traced.get_submodule(node.target).dim
        else:
            axis = arguments[1] if len(arguments) > 1 else options.get("dim")
        rest = [] if axis is None else list(source.shape)
        if rest:
            rest.pop(axis)
        whole = axis is not None and all(size == 1 for size in rest)
        call.require(whole, "dim", f"is {axis}: not all of an output of shape {source.shape}")
        return source
