"""The command explain: why one image's answer is what it is."""

from __future__ import annotations

from ...compiler.base.errors import InputError
from ...queries.explain import explain
from ...report.explanation import line, told
from ...report.table import short
from ..options import Options
from ..output import is_standard, tell, write
from ..prepare import pixels, prepare
from .ask import effort

CALLED = 32
"""Characters of a name above a picture."""


def show(options: Options, eps: float, norm: str) -> None:
    """rhobust explain."""
    network, images, indices = prepare(options)
    if len(indices) != 1:
        raise InputError(f"--index {options.index!r} names {len(indices)} images; one is explained")
    index = indices[0]
    image, name = images.vector(index), images.name(index) if images.names else ""
    found = explain(
        network,
        image,
        eps,
        label=int(images.labels[index]),
        norm=norm,
        domain=options.domain,
        target=options.target,
        margin=options.margin,
        timeout=options.timeout,
        settings=effort(options),
        seed=options.seed,
    )
    who = f"image {index}" + (f" ({name})" if name else "")
    if options.out is not None:
        from ...report.pixel_map import draw_map

        shape = pixels(network, images)
        titles = (
            f"{short(name, CALLED) if name else who}: {found.label}",
            f"pixels of the proof against {found.binding.label}",
        )
        draw_map(options.out, image, found.pixels, shape, options.domain, titles, options.theme)
    if options.json is not None:
        write(options.json, line(found, index, name) + "\n")
        if is_standard(options.json):
            return
    tell(told(found, images.shape, who))
    if options.out is not None:
        tell(f"\npicture: {options.out}")
