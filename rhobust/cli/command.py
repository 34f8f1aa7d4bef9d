"""The program on the command line: how its commands end, and what only they write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from .. import __version__
from ..compiler.base.errors import RhobustError
from . import process
from .output import answering

Answer = TypeVar("Answer", bound=Callable[..., Any])


class Commands(TyperGroup):
    """Errors of input, of files and of memory end in one line and exit status 2, an interruption in
    128 and the signal's number; defects in a traceback.
    """

    def invoke(self, ctx: Any) -> Any:  # of a type that typer keeps to itself
        try:
            return super().invoke(ctx)
        except RhobustError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error
        except MemoryError as error:
            typer.echo("error: not enough memory", err=True)
            raise typer.Exit(2) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = "" if error.filename is None else f"{error.filename}: "
            typer.echo(f"error: {where}{error.strerror or error}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            typer.echo("interrupted", err=True)
            raise typer.Exit(process.status()) from error


class Command(TyperCommand):
    """Its own answers are all that reaches standard output."""

    def invoke(self, ctx: Any) -> Any:
        with answering():
            return super().invoke(ctx)


class App(typer.Typer):
    """Makes a `Command` of each function."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Answer], Answer]:
        return super().command(name, cls=Command, **options)


app = App(
    cls=Commands,
    help="Exact robustness of piecewise-linear neural networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rhobust {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")
    ] = False,
) -> None:
    """Exact robustness of piecewise-linear neural networks."""
