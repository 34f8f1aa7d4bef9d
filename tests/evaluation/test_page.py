"""In docs/guides/evaluation.md each counterpart of a batch of MIPVerify is a line that runs."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

import rhobust as rb
from rhobust.results import Verdict

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guides" / "evaluation.md"


@pytest.mark.slow
def test_counterparts_of_batches_run() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## From MIPVerify's batches")[2]
    rows = re.findall(r"^\| (.*?) \| `(.*)` \|$", table, flags=re.MULTILINE)
    told = {name.replace("`", ""): code for name, code in rows if "rb." in code}
    assert len(told) == 10
    with tempfile.TemporaryDirectory() as name:
        folder = tempfile.TemporaryDirectory(dir=name)
        names: dict[str, Any] = {
            "rb": rb, "images": rb.data.digits(), "first": range(6), "folder": folder,
            "store": Path(name) / "results.sqlite",
        }  # fmt: skip
        found = {key: eval(code, names) for key, code in told.items()}
        table_file = Path(folder.name) / "summary.csv"
        assert len(table_file.read_text().splitlines()) == 7
        folder.cleanup()
    untargeted, closest, within = list(found.values())[:3]
    assert all(one.decisions[0].verdict is not Verdict.UNKNOWN for one in untargeted.records)
    assert closest.exact() == 6 and within.exact() == 1
    targeted = found["batch_find_targeted_attack(..., target_labels = [8, 9])"]
    labels = names["images"].labels[:6].tolist()
    assert [len(one) for one in targeted] == [6 - labels.count(8), 6 - labels.count(9)]
    assert found["solve_rerun_option = refine_insecure_cases"].exact() == 6
    again = found["solve_rerun_option = retarget_infeasible_cases"]
    robust = [one.index for one in untargeted.records if one.rho_lower >= 0.1]
    assert [one.index for one in again.records] == [k for k in robust if labels[k] != 8]
