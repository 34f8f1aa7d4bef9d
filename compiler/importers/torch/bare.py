"""A PyTorch module without what stands around it in training: wrappers and parametrisations."""

from __future__ import annotations

import copy
from importlib import import_module
from typing import Any

import numpy as np

from ...base.errors import FidelityError, ModelError
from ..onnx.model import Shape

WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module"}
"""Classes of `torch.nn.parallel` by the attribute that holds the module."""

PREFIXES = ("module.", "model.")
"""What wrappers put before all names of saved weights: DataParallel, and trainers."""

MAKERS = (
    ("prune", "BasePruningMethod"),
    ("spectral_norm", "SpectralNorm"),
    ("weight_norm", "WeightNorm"),
)
"""Classes of hooks that make a weight before each use, in their modules of `torch.nn.utils`."""

COMPILED = "_orig_mod"
"""Where torch.compile keeps the module, and its part of names."""


def bare(torch: Any, module: Any, shape: Shape) -> Any:
    """A copy of a module on the CPU in evaluation mode, with its weights as they are used there.

    DataParallel and torch.compile are taken off.  Weight norm, spectral norm, pruning and other
    parametrisations are replaced by the weights that they make, and what then comes out at inputs
    of the shape is compared with what came out before.  The module itself stays as it is.
    """
    copied = bare_copy(torch, module).cpu().eval().requires_grad_(False)
    if not _made_of_parts(torch, copied):
        return copied
    source = type(copied).__name__
    # of a batch of two, as some modules take no batch of one
    rows = np.random.default_rng(2).uniform(size=(2, *shape))
    kinds = {one.dtype for one in copied.parameters() if one.is_floating_point()}
    given = torch.from_numpy(rows).to(kinds.pop() if kinds else torch.float32)
    with torch.no_grad():
        try:
            before = copied(given)
            _fix(torch, copied)
            after = copied(given)
        except Exception as error:  # of the module's own code
            raise ModelError(
                source, f"PyTorch does not evaluate it on inputs of {shape}: {error}"
            ) from error
    same = all(torch.is_tensor(one) for one in (before, after)) and torch.allclose(
        before, after, rtol=1e-5, atol=1e-6, equal_nan=True
    )
    if not same:
        raise FidelityError(source, "without its parametrisations it computes something else")
    return copied


def bare_copy(torch: Any, module: Any) -> Any:
    """A copy of the module within all wrappers."""
    inner = unwrapped(torch, module)
    copied = copy.deepcopy(inner, _made(torch, inner))
    parts = [copied]
    while parts:
        part = parts.pop()
        for name, held in part.named_children():
            part._modules[name] = unwrapped(torch, held)
            parts.append(part._modules[name])
    return copied


def unwrapped(torch: Any, module: Any) -> Any:
    """The module within DataParallel and torch.compile, however often it is wrapped."""
    while isinstance(module, torch.nn.Module):
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                type(module).__name__,
                "is TorchScript, whose graph is not read; give the module that it was made of, or "
                "export it to ONNX",
            )
        inner = module._modules.get(COMPILED)
        attribute = WRAPPERS.get(type(module).__name__)
        if inner is None and attribute and type(module).__module__.startswith("torch.nn.parallel"):
            inner = getattr(module, attribute)
        if inner is None:
            break
        module = inner
    return module


def renamed(weights: Any, wanted: Any) -> Any:
    """Saved weights by the names that a module has, where wrappers put parts before or into them.

    wanted: the module's names.  What fits as it is stays so.
    """
    found = dict(weights)
    if found.keys() == set(wanted):
        return weights
    found = {
        ".".join(part for part in str(name).split(".") if part != COMPILED): value
        for name, value in found.items()
    }
    while found.keys() != set(wanted):
        prefix = next((p for p in PREFIXES if all(n.startswith(p) for n in found)), None)
        if prefix is None or not found:
            return weights
        found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def _made(torch: Any, module: Any) -> dict[int, Any]:
    """For `deepcopy`: tensors made of parameters, which it does not copy, by their values."""
    return {
        id(value): value.detach().clone()
        for part in module.modules()
        for value in vars(part).values()
        if torch.is_tensor(value) and value.grad_fn is not None
    }


def _hooks(part: Any) -> list[Any]:
    """Those hooks of a part that make a weight: of weight_norm, spectral_norm and pruning."""
    kinds = tuple(getattr(import_module(f"torch.nn.utils.{home}"), name) for home, name in MAKERS)
    return [hook for hook in part._forward_pre_hooks.values() if isinstance(hook, kinds)]


def _made_of_parts(torch: Any, module: Any) -> bool:
    parametrized = torch.nn.utils.parametrize.is_parametrized
    return any(parametrized(part) or _hooks(part) for part in module.modules())


def _fix(torch: Any, module: Any) -> None:
    """Puts weights in the place of what makes them, in a copy in evaluation mode."""
    parametrize, utils = torch.nn.utils.parametrize, torch.nn.utils
    for part in list(module.modules()):
        if parametrize.is_parametrized(part):
            # PyTorch's own way changes the class, which the copy has in common with the module
            made = {name: getattr(part, name).detach().clone() for name in part.parametrizations}
            part.__class__ = parametrize.type_before_parametrizations(part)
            del part.parametrizations
            for name, value in made.items():
                setattr(part, name, torch.nn.Parameter(value, requires_grad=False))
        for hook in _hooks(part):
            if hasattr(hook, "_tensor_name"):
                utils.prune.remove(part, hook._tensor_name)
            elif type(hook).__name__ == "WeightNorm":
                utils.remove_weight_norm(part, hook.name)
            else:
                utils.remove_spectral_norm(part, hook.name)
