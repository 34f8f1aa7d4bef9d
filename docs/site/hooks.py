"""What the site shows beside the pages: every command's help, the results, the changelog.

Called by MkDocs (mkdocs.yml). The help is asked of the program itself while the site is built.
"""

from __future__ import annotations

import posixpath
import re
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
ADDED = {
    "benchmarks/results.md": "bench/RESULTS.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages of the site that are files outside of docs/."""
HELP = "<!-- help of all commands -->"
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for page, source in ADDED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    here = page.file.src_uri
    if HELP in markdown:
        markdown = markdown.replace(HELP, command_help())
    return LINK.sub(lambda link: f"]({of_the_site(here, link[1])}{link[2] or ''})", markdown)


def of_the_site(here: str, target: str) -> str:
    """A link of a page as the site has it; pages link to files of the repository."""
    folder = posixpath.dirname(here)
    if here in ADDED:  # its links start from its own folder
        full = posixpath.normpath(posixpath.join(posixpath.dirname(ADDED[here]), target))
        wanted = posixpath.relpath(full, "docs")
    else:
        wanted = posixpath.normpath(posixpath.join(folder, target))
    outside = {posixpath.join("..", source): page for page, source in ADDED.items()}
    return posixpath.relpath(outside.get(wanted, wanted), folder or ".")


def command_help() -> str:
    """Usage, first sentence and options of each command, as Markdown."""
    import typer

    from rhobust.cli.app import app

    group: Any = typer.main.get_command(app)
    context = group.make_context("rhobust", [], resilient_parsing=True)
    return "\n".join(_commands(group, context, "rhobust"))


def _commands(group: Any, context: Any, path: str) -> list[str]:
    lines = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = type(context)(command, info_name=name, parent=context)
        if hasattr(command, "list_commands"):
            lines += _commands(command, inner, f"{path} {name}")
        else:
            lines += _command(command, inner, f"{path} {name}")
    return lines


def _command(command: Any, context: Any, path: str) -> list[str]:
    lines = [f"## {path}", "", _plain(command.help or ""), ""]
    lines += ["| option | | default |", "| --- | --- | --- |"]
    for parameter in command.get_params(context):
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        lines.append(_row(parameter, context))
    return [*lines, ""]


def _row(parameter: Any, context: Any) -> str:
    taken = parameter.metavar or parameter.name.upper()
    if parameter.param_type_name == "argument":
        told = f"`{taken}`"
    else:
        told = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        told += "" if parameter.is_flag else f" `{taken}`"
    meaning = _plain(parameter.help or "")
    return f"| {told} | {meaning} | {_default(parameter, context)} |"


def _default(parameter: Any, context: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.get_default(context, call=False)
    if isinstance(default, bool):  # told where there is a name for either
        names = parameter.opts if default else parameter.secondary_opts
        return f"`{names[0]}`" if parameter.secondary_opts else ""
    if default in (None, "", (), []) or callable(default):
        return ""
    return f"`{default}`"


def _plain(text: str) -> str:
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("*", "\\*")
