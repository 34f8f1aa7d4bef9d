"""What `torch.save` wrote into a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...base.errors import ModelError
from ..unpacking import NotUnpacked, check_zip

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
"""Keys under which training scripts put the model beside their other data."""


def saved(
    torch: Any,
    source: str,
    kinds: tuple[type, ...],
    weights_only: bool,
    refused: Callable[[Exception], str],
) -> Any:
    """What a file holds; where it lies beside a script's other data, that of `kinds`.

    weights_only: whether nothing in the file is run.  refused: what is told of an error of torch.
    Raises ModelError for what cannot be read.
    """
    try:
        check_zip(source)
        held = torch.load(source, map_location="cpu", weights_only=weights_only)
    except FileNotFoundError as error:
        raise ModelError(source, "no such file") from error
    except NotUnpacked as error:
        raise ModelError(source, str(error)) from error
    except Exception as error:  # a damaged archive, or a file's own program, can raise anything
        raise ModelError(source, refused(error)) from error
    for key in WRAPPERS:
        if isinstance(held, Mapping) and isinstance(held.get(key), kinds):
            held = held[key]
    return held
