"""The networks of a property file, each read for the tensors that the file declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.question.property import Port, Property, Signature
from ..embedded import NAMES
from .given import Given

if TYPE_CHECKING:
    from ..compiler.importers.onnx.model import Tensors

ONNX = (".onnx", ".onnx.gz")


def declared(
    models: Sequence[Given] | Mapping[str, Given], asked: Property, trust_pickle: bool = False
) -> list[Network]:
    """A network for each that the property declares, in its order.

    models: one for each, or one for each that is not `equal-to` another; or by names.  Raises
    InputError for another number, and for networks that should be equal and are not; ModelError for
    a model without the tensors that are declared.
    """
    signatures = asked.networks
    own = [signature for signature in signatures if not signature.equal_to]
    if isinstance(models, Mapping):
        models = _by_name(models, asked)
    if len(models) not in (len(signatures), len(own)):
        least = f" ({len(own)} without those equal to others)" if len(own) < len(signatures) else ""
        raise InputError(
            f"{asked.source} speaks of {len(signatures)} networks{least}; {len(models)} were given"
        )
    given = iter(models)
    sources: dict[str, Given] = {}
    found: list[Network] = []
    for signature in signatures:
        first = sources.get(signature.equal_to) if signature.equal_to else None
        shared = first is not None and len(models) < len(signatures)
        source = first if shared else next(given)
        sources[signature.name] = source
        pairs = zip(found, signatures, strict=False)
        read = (n for n, s in pairs if sources[s.name] == source and _alike(s, signature))
        network = next(read, None) or _network(source, signature, asked.source, trust_pickle)
        if signature.equal_to:
            twin = found[[s.name for s in signatures].index(signature.equal_to)]
            if twin is not network and twin.digest != network.digest:
                raise InputError(
                    f"{asked.source} declares {signature.name} equal to {signature.equal_to}, but "
                    f"{network.name} and {twin.name} are two models"
                )
        found.append(network)
    return found


def _alike(first: Signature, second: Signature) -> bool:
    """Whether two declarations ask a model for the same tensors."""
    return (first.plain and second.plain) or _tensors(first) == _tensors(second)


def _by_name(models: Mapping[str, Given], asked: Property) -> list[Given]:
    """The models in the order of the declarations.

    A single model needs no name, nor has a single network one in version 1.0.
    """
    names = [signature.name for signature in asked.networks]
    if len(models) == 1 and ("" in models or names == [""]):
        return [*models.values()]
    if set(models) - set(names):
        raise InputError(f"{asked.source} declares {', '.join(names)}, not {', '.join(models)}")
    missing = [s.name for s in asked.networks if s.name not in models and not s.equal_to]
    if missing:
        raise InputError(
            f"{asked.source} declares {', '.join(missing)}, of which no model is given"
        )
    found: dict[str, Given] = {}
    for signature in asked.networks:
        twin = found.get(signature.equal_to)
        found[signature.name] = models.get(signature.name, twin)
    return [*found.values()]


def _tensors(signature: Signature) -> Tensors:
    from ..compiler.importers.onnx.model import Tensors

    def named(ports: Sequence[Port]) -> tuple[str, ...] | int:
        nodes = tuple(port.node for port in ports)
        return nodes if all(nodes) else len(ports)

    return Tensors(
        named(signature.inputs), named(signature.outputs),
        tuple(port.node for port in signature.hidden),
        tuple(port.size for port in signature.inputs),
        tuple(port.size for port in (*signature.outputs, *signature.hidden)),
    )  # fmt: skip


def _network(source: Given, signature: Signature, asked: str, trust_pickle: bool) -> Network:
    if signature.plain and isinstance(source, Network):
        return source
    path = source.path if isinstance(source, Network) else source
    filed = isinstance(path, str | Path) and path not in NAMES and str(path).endswith(ONNX)
    if signature.name and filed:
        from ..compiler.importers.onnx.load import load_onnx  # importers are slow to import

        network = load_onnx(path, _tensors(signature))
        if isinstance(source, Network) and network.digest != source.digest:
            raise InputError(f"{path} is not the file any more that {source.name} was read from")
        return network
    if signature.plain:
        from .load import load

        return load(source, trust_pickle=trust_pickle)
    name = source.name if isinstance(source, Network) else str(source)
    raise InputError(
        f"{asked} declares several inputs or outputs of {signature.name}, hidden ones, or their "
        f"names in the model, which ONNX files have and {name} has not; give an .onnx file"
    )
