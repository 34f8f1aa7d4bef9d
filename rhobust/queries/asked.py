"""What the commands ask, as questions: what is kept of one is of no other."""

from __future__ import annotations

from collections.abc import Sequence

from .. import __version__
from ..bnb.settings import Settings
from ..compiler.base.digest import Question, question
from ..compiler.network.graph import Network
from ..compiler.question.claim import Claim
from ..compiler.question.property import Property


def about_claim(claim: Claim, settings: Settings) -> Question:
    """Whether a claim holds."""
    found = question(engine=__version__, claim=claim, region=claim.region, settings=settings)
    # field by field instead
    return {name: digest for name, digest in found.items() if name != "claim.region"}


def about_property(networks: Sequence[Network], asked: Property, settings: Settings) -> Question:
    """Whether some input satisfies a property of networks."""
    return question(engine=__version__, networks=tuple(networks), property=asked, settings=settings)
