"""The program on the command line: how its commands end, and what only they write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_name

from .. import __version__
from ..compiler.base.errors import InputError, RhobustError
from . import process
from .output import answering
from .spelling import spelled

Answer = TypeVar("Answer", bound=Callable[..., Any])

Misuse: type[Any] = typer.BadParameter.__mro__[1]
"""All errors of arguments; typer has its own class, or click's."""


LATER = ("solve",)
"""Commands that end the rest of the garbage collector themselves, once they have loaded all."""


class Commands(TyperGroup):
    """Errors of arguments, input, files and memory end in one line and exit status 2, an
    interruption in 128 and the signal's number; defects in a traceback.
    """

    def make_context(self, *given: Any, **more: Any) -> Any:  # of a type that typer keeps to itself
        with _told():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        with _told():
            return super().invoke(ctx)


@contextmanager
def _told() -> Iterator[None]:
    """Tells errors on standard error, in the style that all of them have."""
    try:
        yield
    except Misuse as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # no error: its message is the help
            raise
        typer.echo(f"error: {_misused(error)}", err=True)
        raise typer.Exit(2) from error
    except RhobustError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except MemoryError as error:
        typer.echo("error: not enough memory; --memory MB limits that of a search", err=True)
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


def _misused(error: Any) -> str:
    """What is wrong with an argument, in one line, and where all of them are listed."""
    asked: Any = getattr(error, "param", None)
    text = " ".join(error.format_message().split()).rstrip(".?")
    text = text[:1].lower() + text[1:]
    if text.startswith("missing") and asked is not None:
        option = asked.opts[:1] if asked.opts[0].startswith("-") else []
        text = f"{' '.join([*option, asked.metavar or ''])} is missing"
        about = getattr(asked, "help", None) or ""  # older versions of typer keep none of arguments
        if about:
            text += f" ({about[:1].lower()}{about[1:].rstrip('.')})"
    return text if error.ctx is None else f"{text}; see {error.ctx.command_path} --help"


class Command(TyperCommand):
    """Its own answers are all that reaches standard output; former spellings are understood."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spelled(self.name or "", args))

    def invoke(self, ctx: Any) -> Any:
        if self.name not in LATER:
            process.rested()
        with answering():
            return super().invoke(ctx)


class App(typer.Typer):
    """Makes a `Command` of each function."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Answer], Answer]:
        return super().command(name, cls=Command, **options)

    def of(self, arguments: Sequence[str]) -> App:
        """The program with the one command that arguments begin with, or whole where none does.

        All others would be built of their annotations first, each time.
        """
        name = arguments[0] if arguments else ""
        commands = [c for c in self.registered_commands if (c.name or _named(c.callback)) == name]
        groups = [group for group in self.registered_groups if group.name == name]
        if len(commands) + len(groups) != 1:
            return self
        one = copy(self)
        one.registered_commands, one.registered_groups = commands, groups
        return one


def _named(callback: Callable[..., Any] | None) -> str:
    return "" if callback is None else get_command_name(callback.__name__)


app = App(
    cls=Commands,
    help="Exact robustness of piecewise-linear neural networks.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show it and exit.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: all that matters, for reports.")
    ] = False,
) -> None:
    """Exact robustness of piecewise-linear neural networks."""
    if version:
        text = f"rhobust {__version__}"
        if verbose:
            from .commands.version import told

            text = told()
        typer.echo(text)
        raise typer.Exit
    if verbose:
        raise InputError("--verbose goes with --version; commands log by --log LEVEL")
    if context.invoked_subcommand is None:
        raise InputError("a command is missing; see rhobust --help")
