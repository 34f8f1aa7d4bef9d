"""What can be tried where an image stayed open, by the reason that was given."""

from __future__ import annotations

ADVICE = {
    "timeout": "The time was up. Run the same command with a larger --timeout and --rerun "
    "undecided: what is decided is kept.",
    "memory": "Memory ran short. Give the search more with --memory, or run fewer processes at "
    "once.",
    "node_limit": "The limit of nodes was reached. Raise it, or leave it out.",
    "numerical": "Bounds came closer than rounding errors allow to tell. A slightly smaller or "
    "larger radius, or a margin of 0, is often decided.",
    "contradiction": "Two answers contradicted each other, so both were withdrawn. This is a "
    "defect of rhobust: please report it with the file of evidence that the run named.",
    "interrupted": "The run was interrupted. The same command goes on where it stopped; with "
    "--rerun undecided it asks for open images again, too.",
    "worker lost": "The process that worked on it was lost several times, often for want of "
    "memory. Run fewer processes at once, and the same command again.",
}
OTHER = "Run the same command again with --rerun undecided; if it stays, please report the reason."


def advice(reason: str) -> str:
    """One or two sentences for a reason, which may have details behind a colon."""
    return ADVICE.get(reason.split(":")[0].strip(), OTHER)
