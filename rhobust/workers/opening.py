"""The way to workers: what a user names, and who they are."""

from __future__ import annotations

import re
from concurrent.futures import Executor

from ..compiler.base.errors import InputError
from .task import Setup, Workers

ADDRESS = re.compile(r"([a-z]+://)?(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):[0-9]{1,5}")


def open_workers(spec: int | str | Executor, setup: Setup) -> Workers:
    """The workers that `spec` names.

    spec: how many processes of this machine, 1 for this process; an executor, which stays the
    caller's; or "host:port" of the scheduler of a Dask cluster (extra `distributed`).  setup: run
    once by each worker, and its value is every task's first argument; it can be pickled, and is
    small: it names files rather than holds them.
    Raises InputError for what is none of these, and for a cluster that cannot be reached.
    """
    if isinstance(spec, Executor):
        from .executors import Executors

        return Executors(spec, setup)
    if isinstance(spec, str) and ADDRESS.fullmatch(spec):
        from .cluster import Cluster

        return Cluster(spec, setup)
    if isinstance(spec, bool) or not isinstance(spec, int) or spec < 1:
        raise InputError(
            f"workers: {spec!r} is no number of processes, executor or address of a scheduler "
            "as in 'host:8786'"
        )
    if spec == 1:
        from .here import Here

        return Here(setup)
    from .processes import Processes

    return Processes(spec, setup)
