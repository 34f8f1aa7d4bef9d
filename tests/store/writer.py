"""A process that keeps records one after another, and says which it has kept.

    python -m tests.store.writer STORE RUN FIRST COUNT [LIMIT]

LIMIT: bytes that a file may grow to, as on a full disk.
"""

from __future__ import annotations

import resource
import signal
import sys

from rhobust.compiler.base.errors import InputError
from rhobust.store import Store

from .examples import record, run


def main(arguments: list[str]) -> int:
    """The exit status, as of the program."""
    name, run_id, first, count, *limit = arguments
    try:
        with Store.open(name) as store:
            whole = run(run_id)
            store.begin(whole)
            if limit:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), int(limit[0])))
            for index in range(int(first), int(first) + int(count)):
                store.keep(whole, record(index), key=f"key {index}", claim=f"claim {index}")
                print(index, flush=True)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
