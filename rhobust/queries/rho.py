"""The robustness rho of an input: a proven lower bound, a validated upper one, until they meet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..attacks import budget
from ..attacks.pgd import pgd
from ..bnb.presolve.plain_proof import plainly_closed
from ..bnb.search import Hooks, Outcome, Settings, Statistics, search
from ..clock import Deadline, Interrupted
from ..compiler.base.arrays import Bounds, Matrix, Vector
from ..compiler.base.errors import Contradiction
from ..compiler.base.evidence import REASON, withdrawn
from ..compiler.base.late import Late, until
from ..compiler.base.tolerances import Tolerances
from ..compiler.base.untrusted import attempt
from ..compiler.problem import Ball as InputBall
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim, Target
from ..estimates.targets import least_restricted
from ..files.certificate import Certificate
from ..lp.restriction.distance import Ball
from ..lp.restriction.network_region import NetworkRegion
from ..lp.restriction.restrict import Work
from ..networks.given import Given, network_of
from ..results import RhoResult, Verdict
from ..witness.label import Validator
from ..witness.nearest import Incumbent
from .engine import Progress, quiet
from .verify import MOST_STARTS, verify

RESTART = 0.97
"""A search starts again once its radius fell below this share: tighter root bounds pay for it."""

QUICK = 0.2
"""Share of the time for plain bounds and short attacks, which come before all else."""

FIRST, GROWTH, HALVINGS = 2.0**-10, 4.0, 4
"""The first radius that plain bounds try, as a share of the largest, the factor of the next ones,
and bisections between the last that they proved and the next."""

NARROW = 0.1
"""An interval this narrow, relative to its upper end, is left to the search that closes it."""

SHARES = (0.95, 0.98, 0.99)
"""Shares of the incumbent's radius to attack at, from its own witness, each while it succeeds."""


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def rho(
    network: Given,
    image: npt.ArrayLike,
    *,
    label: int | None = None,
    norm: str = "linf",
    domain: tuple[object, object] = (0.0, 1.0),
    target: Target = "any",
    margin: float = 0.0,
    timeout: float | None = 60.0,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress = quiet,
    certificate: str | Path | None = None,
    check: bool = True,
    overwrite: bool = False,
) -> RhoResult:
    """The least distance at which the label can be lost, as an interval.

    rho(f, x) of Bastani et al. 2016, section 2, within the domain box.  The arguments are those of
    `verify`; the norm is linf, l1 or l2.  The end of the time (timeout in seconds) leaves a valid
    interval, and Ctrl-C raises `Interrupted` with one.  certificate: a file to write a proof of the
    lower end into, by a search of its own at that radius, which may take as long again.
    check: whether the checker has to accept it before it is written; overwrite: whether it may
    replace a file that is none.
    """
    deadline = Deadline(timeout)
    network = network_of(network)
    spent = settings or Settings()
    if certificate is not None:
        Certificate(certificate, network, overwrite=overwrite)
    claim = Claim.make(network, image, label, target, margin, domain, norm)
    predicted = int(np.argmax(network.forward(claim.image[None])[0]))
    try:
        with until(deadline.stop):
            question = _Search(claim, predicted, deadline, spent, seed, progress)
    except Late:
        return RhoResult(
            0.0, np.inf, None, "timeout", np.inf, np.inf, claim.label, predicted,
            deadline.spent(), 0, 0, Tolerances(),
        )  # fmt: skip
    result = question.run()
    if certificate is None or result.lower == 0.0:
        return result
    return _proven(result, claim, certificate, Deadline(timeout), spent, check, overwrite)


BELOW = (0.0, 1e-4, 1e-3, 1e-2, 0.1)
"""How far below the proven end of the interval a proof is looked for, as shares of it."""


def _proven(
    result: RhoResult,
    claim: Claim,
    path: str | Path,
    deadline: Deadline,
    settings: Settings,
    check: bool,
    overwrite: bool,
) -> RhoResult:
    """The result with what its certificate proves."""
    widest = Ball(claim.image, claim.lower, claim.upper, claim.norm).largest
    for share in BELOW:
        if deadline.stop():
            break
        eps = min(result.lower, widest) * (1.0 - share)
        left = deadline.share(0.5)
        found = verify(
            claim.network,
            claim.image,
            eps,
            label=claim.label,
            target=claim.targets,
            margin=claim.margin,
            domain=(claim.lower, claim.upper),
            timeout=left,
            settings=settings,
            certificate=path,
            norm=claim.norm,
            check=check,
            overwrite=overwrite,
        )
        if found.verdict is Verdict.ROBUST:
            return replace(result, certified=eps, uncertified=found.uncertified)
        if found.verdict is Verdict.NOT_ROBUST or found.reason == REASON:
            two = Contradiction(f"two searches differ at the radius {eps!r}")
            reason = withdrawn(two, **claim.described(eps), lower=result.lower)
            return replace(result, lower=0.0, reason=reason, uncertified=reason)
    return replace(result, uncertified="no proof in one search was found in time")


class _Search:
    def __init__(
        self,
        claim: Claim,
        predicted: int,
        deadline: Deadline,
        settings: Settings,
        seed: int,
        progress: Progress,
    ) -> None:
        self.claim, self.predicted, self.deadline = claim, predicted, deadline
        self.settings, self.progress = settings, progress
        self.rng = np.random.default_rng(seed)
        self.tolerances = Tolerances()
        self.statistics = Statistics()
        box = Ball(claim.image, claim.lower, claim.upper)
        # the attacks' and the polish's problem is the whole domain, whatever the norm
        self.problem, _ = replace(claim, norm="linf").compile(box.largest)
        self.incumbent = Incumbent(
            claim, self.problem, self.settings.oracle, self._left, self.tolerances
        )
        self.lower = 0.0
        self.until = np.inf  # seconds spent at which what is being done has to end
        self.estimate = np.inf
        self.reason = ""

    def run(self) -> RhoResult:
        try:
            with until(self.deadline.stop):
                clean = Validator(self.claim, 0.0).check(self.claim.image)
            if clean is not None:
                self.incumbent.witness = clean
                self.estimate = self.incumbent.attack = 0.0
                return self._result()
            self._within(QUICK, self._prove_plainly)
            self._within(QUICK, self._attack_quickly)
            self._within(0.3, self._restrict)
            self._within(0.3, self._attack)
            self._within(0.4, self._bracket)
            with until(self.deadline.stop):
                self._close()
        except Late:
            self.reason = "timeout"
        except KeyboardInterrupt:
            self.reason = "interrupted"
            raise Interrupted(self._result()) from None
        except MemoryError:
            self.reason = "memory"
        except Contradiction as found:
            return self._withdrawn(found)
        if self.lower > self.incumbent.radius:
            return self._withdrawn(Contradiction(
                f"a witness at {self.incumbent.radius!r} is nearer than the proven radius "
                f"{self.lower!r}"
            ))  # fmt: skip
        return self._result()

    def _withdrawn(self, found: Contradiction) -> RhoResult:
        """What is left once a proof was shown to be false: the validated witness alone."""
        radius = self.incumbent.radius
        self.reason = withdrawn(found, **self.claim.described(radius), lower=self.lower)
        self.lower = 0.0
        return self._result()

    def _result(self) -> RhoResult:
        best = self.incumbent
        found = RhoResult(
            min(self.lower, best.radius), best.radius, best.witness, self.reason, self.estimate,
            best.attack, self.claim.label, self.predicted, self.deadline.spent(),
            self.statistics.nodes, self.statistics.lps, self.tolerances,
        )  # fmt: skip
        return replace(found, reason="") if found.exact else found

    def _left(self) -> float:
        """Seconds left for what is being done."""
        return min(self.deadline.remaining(), self.until - self.deadline.spent())

    def _within(self, share: float, work: Callable[[], None]) -> None:
        """Some work, with a share of the time that remains, if any does."""
        if self.deadline.stop():
            return
        self.until = self.deadline.spent() + share * self.deadline.remaining()
        with suppress(Late), until(lambda: not self._left() > 0.0):
            work()
        self.until = np.inf

    def _prove_plainly(self) -> None:
        """A first lower end by plain bounds alone, from small radii on: these cost the least."""
        largest = self.incumbent.ball.largest
        eps, low, high = FIRST * largest, 0.0, largest
        while low < eps < high and eps > self.tolerances.exact_absolute and self._left() > 0.0:
            if self._proves(eps):
                low, eps = eps, min(GROWTH * eps, 0.5 * (eps + high))
            else:
                high = eps
                if low > 0.0:
                    break
                eps /= GROWTH**2
        for _ in range(HALVINGS if low > 0.0 else 0):
            eps = float(np.sqrt(low * high))
            if self._proves(eps):
                low = eps
            else:
                high = eps

    def _proves(self, eps: float) -> bool:
        """Whether plain bounds prove a radius, which `lower` then is."""
        if not self._left() > 0.0:
            return False
        problem, box = self._around(eps)
        proven = attempt(
            lambda: plainly_closed(problem, box, lambda: not self._left() > 0.0), False
        )
        self.lower = max(self.lower, eps if proven else 0.0)
        return proven

    def _around(self, eps: float) -> tuple[Problem, Bounds]:
        """The problem within eps of the image, and its box (1, D), without compiling again."""
        image, norm = self.claim.image, self.claim.norm
        # outward: a radius that is proven has to hold for all of its ball
        low = np.maximum(self.claim.lower, np.nextafter(image - eps, -np.inf))
        high = np.minimum(self.claim.upper, np.nextafter(image + eps, np.inf))
        problem = self.problem
        if norm != "linf":
            problem = replace(problem, ball=InputBall(norm, np.arange(len(image)), image, eps))
        return problem, Bounds(low[None], high[None])

    def _attack_quickly(self) -> None:
        """A first witness by a few steps from the image, in the first box that has one.

        Boxes for every norm: steps in all coordinates find one soonest.
        """
        largest = Ball(self.claim.image, self.claim.lower, self.claim.upper).largest
        for share in (1.0 / 16.0, 1.0 / 4.0, 1.0):
            if self._attack_at(share * largest, steps=8, restarts=1, quick=True):
                return

    def _restrict(self) -> None:
        """The convex restriction at the image: the estimate, and a first incumbent."""
        region = NetworkRegion.of(self.claim.network, self.claim.image)
        work = Work(self.settings.oracle, self._left, self.tolerances)
        found, _ = least_restricted(self.claim, region, self.incumbent.ball, work)
        if found.point is not None and found.status == "found":
            self.estimate = found.rho
            self.incumbent.offer(found.point)

    def _attack(self) -> None:
        """Gradient attacks at falling radii, each success polished to its region's optimum."""
        largest = self.incumbent.ball.largest
        if self.estimate == np.inf:
            sizes = [largest * 2.0**-k for k in range(6, -1, -1)]
        else:
            sizes = [self.incumbent.radius * share for share in (0.25, 0.5, 0.98)]
        for eps in sizes:
            if eps < self.incumbent.radius and self._attack_at(eps):
                break
        for share in SHARES:
            while self.incumbent.witness is not None:
                point = self.incumbent.witness.point
                if not self._attack_at(share * self.incumbent.radius, point):
                    break

    def _attack_at(
        self,
        eps: float,
        start: Vector | None = None,
        steps: int = 20,
        restarts: int | None = None,
        quick: bool = False,
    ) -> bool:
        """Whether an attack within eps found a nearer witness, from `start` or the image.

        restarts: of each target, by default for about half a second; quick: within a box whatever
        the norm, and no LPs bring nearer what is found.
        """
        if not self._left() > 0.0:
            return False
        image, best = self.claim.image, self.incumbent
        problem, box = self._around(eps)
        if quick:
            problem = self.problem

        def accept(points: Matrix) -> bool:
            best.attack = min(best.attack, min(best.ball.distance(point) for point in points))
            if quick:
                return any(best.offer(point) for point in points)
            return best.consider(points)

        before = best.radius
        cases = np.eye(len(best.rows), dtype=bool)
        cost = 4.0 * self.claim.network.work
        many = max(1, budget.restarts(cost, 30, len(best.rows), MOST_STARTS) // 2)
        attempt(
            lambda: pgd(
                problem, box, cases, accept, lambda: not self._left() > 0.0, self.rng,
                restarts=many if restarts is None else restarts, steps=steps,
                start=image if start is None else start,
            ),
            None,
        )  # fmt: skip
        return best.radius < before

    def _bracket(self) -> None:
        """Cheap proofs at a few radii below the incumbent: the interval is useful early."""
        high = self.incumbent.target
        count = len(self.claim.targets) + 1
        quick = Settings(root_steps=5, nodes=count, oracle=self.settings.oracle)
        low = min(self.lower, high)
        for _ in range(5):
            eps = 0.5 * (low + high)
            if not self._left() > 0.0 or high - low < NARROW * high:
                return
            outcome = self._decide(eps, quick)
            if outcome.status == "closed":
                low = eps
            elif outcome.status == "accepted":
                high = min(high, self.incumbent.target)
            else:
                high = eps
            self.lower = max(self.lower, low)

    def _decide(self, eps: float, settings: Settings, seconds: float = np.inf) -> Outcome:
        """One search at a fixed radius; raises `lower` to all that it proves."""
        problem, _ = self.claim.compile(eps)
        box = Bounds(problem.lower[None], problem.upper[None])
        hooks = Hooks(self._slice(seconds), self._nearer, lambda: box, radius=self._radius())
        return self._count(search(problem, hooks, settings), eps)

    def _radius(self) -> tuple[Vector, Vector, Vector] | None:
        """For least distances in the tree, which are told of boxes only."""
        if self.claim.norm != "linf":
            return None
        return self.claim.image, self.claim.lower, self.claim.upper

    def _count(self, outcome: Outcome, eps: float) -> Outcome:
        if outcome.reason == REASON:
            raise Contradiction(f"a search at the radius {eps!r} contradicted itself")
        self.statistics.nodes += outcome.statistics.nodes
        self.statistics.lps += outcome.statistics.lps
        self.lower = max(self.lower, min(outcome.radius, eps))
        return outcome

    def _nearer(self, points: Matrix) -> bool:
        """Whether the incumbent fell so far that a fresh start pays."""
        before = self.incumbent.radius
        self.incumbent.consider(points)
        return self.incumbent.radius < RESTART * before

    def _close(self) -> None:
        """Branch and bound at the incumbent's radius; if that is too hard for now, below it.

        The first quarter of the time left goes to the whole question. When it stays open, decisions
        at radii between the proven bound and the incumbent raise the bound, each with a share of
        the time.
        """
        if self._whole(0.25 * self.deadline.remaining()):
            self.reason = ""
            return
        high = self.incumbent.target
        nearest = self.tolerances.exact_absolute  # a tie at the image would be halved for ever
        while not self.deadline.stop() and high - self.lower > max(0.01 * high, nearest):
            eps = 0.5 * (self.lower + high)
            outcome = self._decide(eps, self.settings, 0.3 * self.deadline.remaining() + 1.0)
            if outcome.status == "open":
                high = eps
            high = min(high, self.incumbent.target)
        if not self._whole(self.deadline.remaining()) and self.reason == "numerical":
            self._below()

    def _below(self) -> None:
        """Raises the lower end where only a tie is left that no float32 runtime sees."""
        for share in (3e-7, 1e-6, 1e-5, 1e-4, 1e-3):
            eps = self.incumbent.target * (1.0 - share)
            if self.deadline.stop() or eps <= self.lower:
                return
            if self._decide(eps, self.settings).status == "closed":
                return

    def _slice(self, seconds: float) -> Callable[[], float]:
        end = self.deadline.spent() + seconds
        return lambda: min(self._left(), end - self.deadline.spent())

    def _whole(self, seconds: float) -> bool:
        """Whether the interval is closed within some seconds; the radius follows the incumbent."""
        remaining = self._slice(seconds)
        while remaining() > 0.0:
            start = self.incumbent.target

            # only boxes follow the incumbent while a search runs
            follows = self.claim.norm == "linf"

            def accept(
                points: Matrix, begin: float = start, share: float = RESTART if follows else 1.0
            ) -> bool:
                self.incumbent.consider(points)
                return self.incumbent.target < share * begin

            problem, _ = self.claim.compile(start)
            fixed = partial(Bounds, problem.lower[None], problem.upper[None])
            hooks = Hooks(
                remaining,
                accept,
                self.incumbent.box if follows else fixed,
                radius=self._radius(),
                progress=self.progress,
            )
            outcome = search(problem, hooks, self.settings)
            proven = self.incumbent.target if follows else start
            self._count(outcome, proven)
            if outcome.status == "closed":
                self.lower = np.inf if self.incumbent.witness is None else max(self.lower, proven)
                return True
            if outcome.status == "open":
                self.reason = outcome.reason
                return False
        self.reason = "timeout"
        return False
