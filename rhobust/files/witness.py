"""Writing an input that loses its label as a file, which the checker evaluates again."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from ..bnb.certificate.encode import Arrays
from ..compiler.base.arrays import Vector
from ..compiler.question.claim import Claim
from .atomic import pack, save, write_bytes
from .certificate import FORMAT, VERSION, checker_of, header_array, impossible
from .outputs import may_write


def write_witness(
    path: Path, claim: Claim, point: Vector, check: bool = True, overwrite: bool = False
) -> str:
    """Writes that a point (D,) within the claim's radius loses the label; returns what prevented
    it, or "".

    check: whether the checker has to accept it first.  overwrite: whether it may replace a file
    that is no certificate.  Raises InputError where the file cannot be written.
    """
    network = claim.network
    may_write(path, "certificate", (network.path, *network.beside), overwrite)
    why = impossible(network, claim.margin)
    if why:
        return why
    region = claim.region
    about = {
        "kind": "witness", "label": claim.label, "targets": list(claim.targets),
        "margin": claim.margin.hex(), "eps": float(region.eps).hex(), "norm": str(region.norm),
    }  # fmt: skip
    header = {
        "format": FORMAT, "version": VERSION,
        "model": {"name": network.name, "sha256": network.digest}, "claim": about, "parts": [],
    }  # fmt: skip
    arrays: Arrays = {
        "header": header_array(header), "image": claim.image, "domain_low": region.lower,
        "domain_high": region.upper, "point": point,
    }  # fmt: skip
    if not check:
        save(path, arrays)
        return ""
    try:
        checker = checker_of(network.path, network.digest)
    except Exception as error:  # of the system, onnx or the checker
        return f"the checker cannot read the model: {error}"
    file = BytesIO()
    pack(file, arrays)
    report = checker.check(file)
    if not report.accepted:
        return f"the checker refuses it: {report.reason}"
    write_bytes(path, file.getvalue())
    return ""
