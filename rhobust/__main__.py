"""The command line; see docs/reference/commands.md."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the command named by the program's arguments."""
    # One thread unless told otherwise, and before numpy is imported: most products here are small,
    # and threads that wait for each other cost more than they save.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from .cli import process

    process.rest()
    process.heed_signals()
    process.keep_for_answers()
    try:
        from .cli.app import app
        from .compiling import on_compiling

        on_compiling(lambda: print("compiling …", file=sys.stderr, flush=True))

        app.of(sys.argv[1:])(prog_name="rhobust")
    except KeyboardInterrupt:
        sys.exit(process.status())
    finally:
        process.rested()  # one that only showed help, and ends without a look through all of it
        process.give_up_answers()


if __name__ == "__main__":
    main()
