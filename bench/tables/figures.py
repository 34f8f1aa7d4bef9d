"""Figures 1 and 2 of Bastani et al. 2016: a linear region, and an image beside its example.

    RHOBUST_DATA=... python -m bench.tables.figures [--quick] [--out FOLDER]

Figure 1 is the running example of two inputs and eight hidden units; Figure 2 an image of MNIST
with the nearest example that is known for WK17a, and their difference, magnified.  Figure 3 is
made by `bench.tables.bastani`.  Needs MNIST and WK17a under RHOBUST_DATA.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import rhobust as rb
from rhobust.cli.commands.figure import region
from rhobust.report.example import draw_example, in_levels
from rhobust.report.picture import Panel

from ..workloads import DATA, WK17A
from .kept import Kept
from .models import images
from .page import Page, arguments, folder

AT, IMAGE = "0.63,0.35", 8
"""The point of Figure 1, and the image of Figure 2: its exact rho is known, 0.09400."""


def main(given: Sequence[str] | None = None) -> None:
    chosen = arguments(__doc__, "figures").parse_args(given)
    out = folder(chosen, "figures")
    kept = Kept(out)
    page = Page("figures", "Bastani et al. 2016, Figures 1 and 2")
    plane, example = out / "region.png", out / "example.png"
    kept.made(plane, lambda: region(plane, AT, 20.0, True))
    page.text(
        "Figure 1: two inputs, eight hidden units. The polygon is the linear region of the point, "
        "to which ρ̂ is restricted; ρ is that of the whole plane."
    )
    page.figure(plane, "The loss, a point's linear region, and its nearest examples")
    limit = 5.0 if chosen.quick else 60.0
    _, test = images("mnist")
    image, label = test.vector(IMAGE), int(test.labels[IMAGE])

    def make() -> dict[str, object]:
        found = rb.rho(DATA / WK17A, image, label=label, timeout=limit)
        point = None if found.witness is None else found.witness.point.tolist()
        other = None if found.witness is None else found.witness.label
        return {"lower": found.lower, "upper": found.upper, "point": point, "label": other}

    found = kept.get({"what": "rho", "model": WK17A, "image": IMAGE, "seconds": limit}, make)
    pixels = [f"{in_levels(found[end], (0.0, 1.0)):.2f}" for end in ("lower", "upper")]
    page.text(
        f"Figure 2: image {IMAGE} of MNIST and the nearest example known for WK17a. ρ lies between "
        f"{pixels[0]} and {pixels[1]} pixels of 0..255 (the paper's examples are those of a linear "
        "region, and no nearest ones)."
    )
    if found["point"] is not None:
        draw_example(
            example, Panel(image, np.array(found["point"]), f"ρ ≤ {pixels[1]} pixels"),
            (f"image {IMAGE}: {label}", f"example: {found['label']}"), (28, 28), (0.0, 1.0),
        )  # fmt: skip
        page.figure(example, "An image, its nearest example, and their difference")
    page.differs(
        "The network of Figure 1 is trained on points of our own; the paper does not give its "
        "weights.",
        "Figure 2 of the paper shows an example of A_LP for LeNet; here the distance is bounded "
        "from below, too.",
    )
    page.write(out, kept)


if __name__ == "__main__":
    main()
