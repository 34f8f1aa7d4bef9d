"""Attacks: what they report is exactly inside, and really lost; what is known is found."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import rhobust as rb
from rhobust.attacks import methods
from rhobust.attacks.balls import BALLS
from rhobust.attacks.batch import Batch, Found, in_turn
from rhobust.attacks.bisection import nearest
from rhobust.attacks.criterion import LOSSES, Criterion
from rhobust.attacks.methods import METHODS, Attack
from rhobust.attacks.methods.fmn import Fmn
from rhobust.attacks.methods.lbfgs import Lbfgs
from rhobust.attacks.methods.noise import Noise
from rhobust.attacks.methods.pgd import Pgd
from rhobust.attacks.methods.restriction import RestrictionDescent
from rhobust.attacks.methods.square import Square, channels_first, pair
from rhobust.attacks.models import Counted, NetworkModel, TorchModel
from rhobust.cli.app import app
from rhobust.compiler.base.arrays import Matrix, Vector, exact
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.base.norms import NormKind
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import Linear, Sign
from rhobust.compiler.operators import Dense
from rhobust.compiler.question.claim import Claim
from rhobust.embedded import embedded_file, embedded_images
from rhobust.queries.attack import attack_batch
from rhobust.queries.portions import portion
from rhobust.results import AttackResult
from rhobust.witness.label import Validator
from rhobust.witness.many import witnesses

from ..reference.strategies import Case, bent_cases
from .files import IMAGES, LABELS, RADII, images, model

PIXELS, DIGITS = embedded_images()
FLAT = PIXELS.reshape(len(PIXELS), -1)
QUICK = {"noise": 5, "square": 40, "lbfgs": 6, "pgd": 8, "pgd-l2": 8, "fmn": 20, "descent": 10}
"""Steps of attacks in tests that ask all of them."""
MISCLASSIFIED = int(
    np.flatnonzero(rb.load("digits").forward(FLAT / 255.0).argmax(axis=1) != DIGITS)[0]
)
PAIRS = [(name, norm) for name, method in METHODS.items() for norm in method.norms]
SOME = [7, MISCLASSIFIED, 10]
"""Images that are near a boundary, beyond it, and a little farther away."""
EPS = {NormKind.LINF: 0.1, NormKind.L2: 0.6, NormKind.L1: 3.0}


def ask(name: str, norm: str, **more: Any) -> list[AttackResult]:
    """An attack on some of the embedded digits."""
    return attack_batch(
        "digits", FLAT[SOME], DIGITS[SOME], EPS[NormKind(norm)], norm=norm, method=name,
        steps=QUICK.get(name), **more,
    )  # fmt: skip


def holds(result: AttackResult, image: Vector, session: Any) -> bool:
    """Whether a success is one, by rationals and by onnxruntime alone."""
    witness = result.witness
    assert witness is not None
    if result.distance == 0.0:
        return bool((witness.point == image).all())
    x = exact(witness.point)
    norm = NormKind(result.norm)
    inside = all(0 <= v <= 1 for v in x) and norm.within(x - exact(image), Fraction(result.eps))
    near = norm.within(x - exact(image), Fraction(result.distance))
    single = (witness.point.astype(np.float32) == witness.point).all()
    given = witness.point.astype(np.float32)[None]
    logits = session.run(None, {session.get_inputs()[0].name: given})[0][0]
    lost = max(np.delete(logits, result.label)) >= logits[result.label]
    return bool(inside and near and single and lost)


def test_the_table_is_the_folder() -> None:
    folder = Path(methods.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "method"}
    assert {method.__module__.rsplit(".", 1)[1] for method in METHODS.values()} == files
    for name, method in METHODS.items():
        assert method.name == name and method.norms
        assert method.needs in ("logits", "gradients", "network")


@pytest.mark.parametrize(("name", "norm"), PAIRS)
def test_successes_are_exactly_inside_and_lost_for_onnxruntime(name: str, norm: str) -> None:
    session = onnxruntime.InferenceSession(str(embedded_file("digits")))
    for minimal in (False, True):
        results = ask(name, norm, minimal=minimal)
        for index, result in zip(SOME, results, strict=True):
            assert result.success == (result.witness is not None) == (result.distance <= result.eps)
            assert result.label == DIGITS[index] and result.method == name and not result.reason
            if result.success:
                assert holds(result, FLAT[index] / 255.0, session)
            else:
                assert result.distance == np.inf
        if name not in ("noise", "square"):
            assert any(0.0 < result.distance < np.inf for result in results)


@pytest.mark.parametrize(("name", "norm"), PAIRS)
def test_a_seed_gives_the_same_results(name: str, norm: str) -> None:
    first, again = (ask(name, norm, seed=3) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.distance == other.distance and one.lead == other.lead
        if one.witness is not None and other.witness is not None:
            assert (one.witness.point == other.witness.point).all()


@given(bent_cases(), st.sampled_from(PAIRS), st.floats(1e-6, 2.0), st.booleans())
@settings(max_examples=40, deadline=None)
def test_random_networks(case: Case, pair: tuple[str, str], eps: float, minimal: bool) -> None:
    name, norm = pair
    domain = (case.lower, case.upper)
    (result,) = attack_batch(
        case.network, case.image[None], None, eps, norm=norm, domain=domain, method=name,
        steps=QUICK.get(name), minimal=minimal,
    )  # fmt: skip
    assert result.lead > -np.inf and not result.reason
    if result.witness is None:
        return
    x, image = exact(result.witness.point), exact(case.image)
    assert all(a <= v <= b for a, v, b in zip(exact(case.lower), x, exact(case.upper), strict=True))
    assert NormKind(norm).within(x - image, Fraction(min(eps, result.distance)))
    logits = case.network.forward(x[None])[0]
    assert max(np.delete(logits, result.label)) >= logits[result.label]


@given(bent_cases(), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_gradients_are_the_slopes(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = NetworkModel(case.network, case.lower, case.upper)
    points = case.lower + (case.upper - case.lower) * rng.random((3, len(case.lower)))
    logits = model.logits(points)
    assert np.allclose(logits, case.network.forward(points), rtol=1e-9, atol=1e-9)
    weights = rng.normal(size=logits.shape)
    slope = model.gradient(points, weights)
    for size in (1e-4, 1e-6, 1e-8):  # some step is short enough to stay in the linear region
        step = size * rng.normal(size=points.shape)
        change = (weights * (model.logits(points + step) - logits)).sum(axis=1)
        if np.allclose(change, (slope * step).sum(axis=1), rtol=1e-4, atol=1e-13 / size):
            return
    raise AssertionError("the gradient is no slope")


LINEAR_ROW = np.array([0.5, -2.0, 1.0, 0.25])


def linear() -> tuple[Network, Vector, dict[str, float]]:
    """Two labels with a lead of row @ x + 0.3, an image far from the domain's edges, and rho."""
    network = dense_network([(np.stack([LINEAR_ROW, np.zeros(4)]), np.array([0.3, 0.0]))])
    image = np.array([0.1, -0.2, 0.3, 0.05])
    lead = float(LINEAR_ROW @ image) + 0.3
    rho = {
        "linf": lead / np.abs(LINEAR_ROW).sum(), "l2": lead / np.sqrt(LINEAR_ROW @ LINEAR_ROW),
        "l1": lead / np.abs(LINEAR_ROW).max(),
    }  # fmt: skip
    return network, image, rho


@pytest.mark.parametrize(("name", "norm"), [p for p in PAIRS if p[0] not in ("noise", "square")])
def test_the_optimum_of_a_linear_network(name: str, norm: str) -> None:
    network, image, rho = linear()
    known = rho[norm]
    asked = METHODS[name]() if name != "descent" else RestrictionDescent(20, 2)
    # L-BFGS minimises l2 whatever the norm, and stops before the optimum
    most = 1.7 if name == "lbfgs" else 1.003
    for eps, expected in ((0.999 * known, False), (most * known, True)):
        result = rb.attack(network, image, eps, norm=norm, domain=(-9, 9), method=asked)
        assert isinstance(result, AttackResult)
        assert result.success is expected
    result = rb.attack(network, image, None, norm=norm, domain=(-9, 9), method=asked, minimal=True)
    assert isinstance(result, AttackResult) and result.success
    assert known * (1.0 - 1e-9) <= result.distance <= most * known


@given(st.integers(0, 10**6), st.sampled_from(["linf", "l2", "l1"]))
@settings(max_examples=6, deadline=None)
def test_no_distance_below_the_proven_one(seed: int, norm: str) -> None:
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=shape), rng.normal(size=shape[0])) for shape in ((8, 3), (3, 8))]
    network, image = dense_network(layers), rng.random(3)
    proven = rb.rho(network, image, norm=norm, timeout=600)
    for name, method in METHODS.items():
        if norm in method.norms:
            found = rb.attack(
                network, image, None, norm=norm, method=name, minimal=True, steps=QUICK.get(name)
            )
            assert isinstance(found, AttackResult)
            assert found.distance >= proven.lower


def test_radii_of_a_small_file(tmp_path: Path) -> None:
    network = rb.load(model(tmp_path / "model.onnx"))
    for name in ("pgd", "fmn", "restriction", "lbfgs", "fgsm"):
        results = attack_batch(network, IMAGES, LABELS, None, method=name, minimal=True)
        distances = [result.distance for result in results]
        assert distances == pytest.approx(RADII, rel=0.02)
        assert [result.predicted for result in results] == [0, 1, 0, 0]
        assert results[3].distance == 0.0 and results[3].success


def test_targets_and_margins() -> None:
    network = rb.load("digits")
    image = FLAT[7] / 255.0
    clean = network.forward(image[None])[0]
    order = np.argsort(-clean).tolist()
    near, far = order[1], order[-1]
    free = rb.attack(network, image, None, minimal=True)
    one = rb.attack(network, image, None, target=far, minimal=True)
    both = rb.attack(network, image, None, target=[near, far], minimal=True)
    more = rb.attack(network, image, None, margin=2.0, minimal=True)
    for found in (free, one, both, more):
        assert isinstance(found, AttackResult) and found.witness is not None
        y = network.forward(found.witness.point[None])[0]
        margin = 2.0 if found is more else 0.0
        assert y[found.witness.label] >= y[order[0]] + margin
    assert isinstance(one, AttackResult) and one.witness is not None and one.witness.label == far
    assert both.witness.label in (near, far)  # type: ignore[union-attr]
    assert free.distance <= both.distance <= one.distance  # type: ignore[union-attr]
    assert free.distance < more.distance  # type: ignore[union-attr]


def test_one_image_and_many() -> None:
    one = rb.attack("digits", PIXELS[7], 0.06, label=int(DIGITS[7]))
    assert isinstance(one, AttackResult) and one.success
    many = rb.attack("digits", PIXELS[:3], 0.06, label=DIGITS[:3])
    assert isinstance(many, list) and [found.label for found in many] == DIGITS[:3].tolist()
    predicted = rb.attack("digits", FLAT[:3] / 255.0, 0.06)
    assert isinstance(predicted, list)
    assert all(found.label == found.predicted for found in predicted)
    assert attack_batch("digits", FLAT[:0], None, 0.1) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"method": "cw"}, "known: noise, fgsm"),
        ({"method": "square", "norm": "l1"}, "square knows linf, l2"),
        ({"method": "fgsm", "steps": 3}, "fgsm has no steps"),
        ({"method": "pgd", "steps": 0}, "at least 1"),
        ({"eps": None}, "eps is needed"),
        ({"eps": -1.0}, "at least 0"),
        ({"label": [1, 2]}, "not 2 numbers"),
        ({"image": np.full(64, 3.0)}, "outside the domain"),
        ({"image": np.full((2, 64), np.nan)}, "not finite"),
        ({"image": np.zeros(63)}, "63 numbers"),
        ({"timeout": 0.0}, "timeout"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], told: str) -> None:
    asked: dict[str, Any] = {"image": FLAT[0] / 255.0, "eps": 0.1, **given}
    with pytest.raises(InputError, match=told):
        rb.attack("digits", asked.pop("image"), asked.pop("eps"), **asked)


def test_a_later_image_outside_the_domain_is_refused() -> None:
    with pytest.raises(InputError, match="outside the domain"):
        attack_batch("digits", np.stack([FLAT[0] / 255.0, np.full(64, 2.0)]), None, 0.1)


def test_errors_of_an_attack_and_the_end_of_time_are_told() -> None:
    class Broken(Pgd):
        def run(self, batch: Batch) -> Found:
            raise FloatingPointError("broken")

    class Nonsense(Pgd):
        def run(self, batch: Batch) -> Found:
            points = np.full_like(batch.images, np.nan)
            return Found(points, np.full(len(batch), -np.inf))

    for broken, reason in ((Broken(), "failed"), (Nonsense(), "")):
        (found,) = attack_batch("digits", FLAT[:1], DIGITS[:1], 0.5, method=broken)
        assert not found.success and found.distance == np.inf and found.reason == reason
    endless: tuple[Attack, ...] = (
        Pgd(steps=10**6), Fmn(steps=10**6), Lbfgs(steps=10**6), Square(steps=10**6),
        Noise(steps=10**6),
    )  # fmt: skip
    for method in endless:
        late = attack_batch("digits", FLAT[:2], DIGITS[:2], 1e-3, method=method, timeout=0.02)
        # L-BFGS-B may end on its own before
        ended = {"timeout", ""} if isinstance(method, Lbfgs) else {"timeout"}
        assert {found.reason for found in late} <= ended
        assert not any(found.success for found in late)


def test_a_runtime_that_disagrees_is_believed() -> None:
    network = rb.load("digits")
    stubborn = np.eye(10)[DIGITS[7]]
    from dataclasses import replace

    other = replace(network, runtime=lambda x: np.repeat(stubborn[None], len(x), axis=0))
    found = rb.attack(other, FLAT[7] / 255.0, 0.3)
    assert isinstance(found, AttackResult) and found.lead < 0.0 and not found.success


def test_many_candidates_give_the_witnesses_of_each_alone() -> None:
    network = rb.load("digits")
    rng = np.random.default_rng(0)
    claims = [Claim.make(network, FLAT[k], int(DIGITS[k]), eps=0.3) for k in range(60)]
    validators = [Validator(claim) for claim in claims]
    points = np.stack([claim.image for claim in claims]) + rng.uniform(-0.3, 0.3, (60, 64))
    points[0] = np.nan
    many = witnesses(validators, points)
    assert many[0] is None and 0 < sum(found is not None for found in many) < 60
    for validator, point, found in zip(validators, points, many, strict=True):
        alone = None if np.isnan(point).any() else validator.check(np.clip(point, 0.0, 1.0))
        if alone is not None:
            assert found is not None and (found.point == alone.point).all()


def test_bisection_on_the_radius_nears() -> None:
    network = rb.load("digits")
    claims = [Claim.make(network, FLAT[k], int(DIGITS[k])) for k in range(20)]
    pictures = np.stack([claim.image for claim in claims])
    counted = Counted(NetworkModel(network, np.zeros(64), np.ones(64)))
    batch = Batch(
        counted, pictures, Criterion.of(claims), NormKind.LINF, np.full(20, np.inf), np.zeros(64),
        np.ones(64), np.random.default_rng(0), lambda: 60.0, (64,),
    )  # fmt: skip
    few, many = (nearest(Pgd(steps=8), batch, rounds) for rounds in (4, 9))
    assert (batch.distance(many.points) <= batch.distance(few.points) + 1e-12).all()
    assert (many.lead <= 0.0).all() and (batch.lead(many.points) <= 0.0).all()
    assert 0 < counted.gradients <= 20 * (1 + 8 * 13)


def test_the_best_of_an_image_named_twice_is_kept() -> None:
    found = Found(np.zeros((2, 1)), np.full(2, 9.0))
    points, lead = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([3.0, 1.0, 2.0, 10.0])
    found.take(np.array([0, 0, 0, 1]), points, lead)
    assert found.points.tolist() == [[2.0], [0.0]] and found.lead.tolist() == [1.0, 9.0]


def test_restarts_of_few_images_are_made_together() -> None:
    todo = np.array([4, 7])
    assert [part.tolist() for part in in_turn(todo, 0, 5)] == [[4, 7], [0, 0]]
    index, number = in_turn(todo, 1, 4)
    assert index.tolist() == [4, 7] * 3 and number.tolist() == [1, 1, 2, 2, 3, 3]
    assert len(in_turn(np.arange(1000), 3, 9)[0]) == 1000
    assert len(in_turn(todo, 1, 9, together=5)[0]) == 4


def test_large_networks_are_attacked_in_small_portions() -> None:
    assert portion(rb.load("digits")) == 128
    wide = dense_network([(np.zeros((3, 50_000)), np.zeros(3))])
    assert portion(wide) == 80
    busy = SimpleNamespace(input_size=10, work=10**9)
    assert portion(busy) == 2  # type: ignore[arg-type]


def test_restarts_find_no_less(tmp_path: Path) -> None:
    for name, eps in (("pgd", 0.11), ("fmn", None)):
        few, many = (
            attack_batch(
                "digits", FLAT[:60], DIGITS[:60], eps, method=name, steps=15, restarts=restarts,
                minimal=eps is None,
            )
            for restarts in (1, 25)
        )  # fmt: skip
        for one, other in zip(few, many, strict=True):
            assert one.success <= other.success
            if eps is None:
                assert other.distance <= one.distance * (1.0 + 1e-5)
        assert sum(found.success for found in many) > 0


def test_a_layer_that_jumps_has_no_gradients_but_outputs() -> None:
    builder = GraphBuilder((2,))
    node = builder.add("jump", Sign(), 2, "input")
    node = builder.add("out", Linear(Dense(np.array([[1.0, 0.0], [0.0, 1.5]])), None), 2, node)
    network = builder.finish(node, name="jumps")
    image = np.array([0.1, -0.5])
    with pytest.raises(InputError, match="layer that jumps"):
        rb.attack(network, image, 0.3, domain=(-1, 1))
    found = rb.attack(network, image, 0.9, domain=(-1, 1), method="square")
    assert isinstance(found, AttackResult) and found.success and found.label == 0


def test_restarts_take_rivals_in_turn() -> None:
    network = rb.load("digits")
    claims = [
        Claim.make(
            network, FLAT[k], int(DIGITS[k]), target=[t for t in (1, 5, 8) if t != DIGITS[k]]
        )
        for k in range(20)
    ]
    batch = Batch(
        NetworkModel(network, np.zeros(64), np.ones(64)),
        np.stack([claim.image for claim in claims]), Criterion.of(claims), NormKind.L2,
        np.full(20, np.inf), np.zeros(64), np.ones(64), np.random.default_rng(0), lambda: 60.0,
        (64,),
    )  # fmt: skip
    order = batch.order
    assert order.shape == (20, 10)
    single = Fmn(steps=60)
    for row, claim in zip(order, claims, strict=True):
        assert set(row.tolist()) == set(claim.targets)
        assert set(row[: len(claim.targets)].tolist()) == set(claim.targets)
    for place in range(3):
        only = batch.against(order[:, place])
        assert (only.criterion.rivals.sum(axis=1) == 1).all()
        assert only.criterion.rivals[np.arange(20), order[:, place]].all()
    alone = [
        batch.distance(single.run(batch.against(order[:, place])).points) for place in range(3)
    ]
    together = batch.distance(Fmn(steps=60, restarts=4).run(batch).points)
    assert together.mean() <= 1.01 * np.min(alone, axis=0).mean()
    assert (batch.rows(np.arange(3)).within(np.ones(3)).order == order[:3]).all()


@given(st.sampled_from(list(NormKind)), st.integers(0, 10**6), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_balls(norm: NormKind, seed: int, size: int) -> None:
    rng, ball = np.random.default_rng(seed), BALLS[norm]
    rows = rng.normal(size=(5, size))
    steps = 3.0 * rng.normal(size=(5, size))
    radius = rng.random((5, 1)) + 0.01
    short = ball.shorter(steps, radius)
    assert (ball.length(short) <= radius[:, 0] * (1 + 1e-12)).all()
    assert [norm.length(step) for step in steps] == pytest.approx(ball.length(steps).tolist())
    # the nearest: no other step of the ball is nearer in l2
    for other in (radius * ball.drawn(rng, (5, size)) for _ in range(20)):
        far = np.square(steps - other).sum(axis=1) + 1e-12
        assert (np.square(steps - short).sum(axis=1) <= far).all()
    drawn = ball.drawn(rng, (50, size))
    assert (ball.length(drawn) <= 1.0 + 1e-12).all()
    assert (drawn @ rows[0] <= ball.dual(rows)[0] * (1 + 1e-12)).all()
    steep = ball.steepest(rows)
    assert ball.length(steep) == pytest.approx(np.ones(5))
    room = rng.random((5, size))
    fall = ball.falling(rows, radius, room)
    assert (ball.length(fall) <= radius[:, 0] * (1 + 1e-12)).all()
    assert (np.abs(fall) <= room).all() and (fall * rows <= 0.0).all()
    for other in (radius * ball.drawn(rng, (5, size)) for _ in range(20)):
        other = -np.sign(rows) * np.minimum(np.abs(other), room)
        assert ((fall * rows).sum(axis=1) <= (other * rows).sum(axis=1) + 1e-9).all()
    if size < 50:  # a single coordinate, in l1
        assert (steep * rows).sum(axis=1) == pytest.approx(ball.dual(rows).tolist())


def test_cross_entropy_is_the_slope_of_its_loss() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 5))
    rivals = np.array([[0, 1, 1, 0, 1]] * 4, dtype=bool)
    criterion = Criterion(np.zeros(4, dtype=np.int64), rivals)
    weights = LOSSES["cross-entropy"](criterion, logits)

    def loss(y: Matrix) -> Vector:
        found: Vector = y[:, 0] - np.log(np.exp(y[:, [1, 2, 4]]).sum(axis=1))
        return found

    step = 1e-6 * rng.normal(size=logits.shape)
    assert loss(logits + step) - loss(logits) == pytest.approx(
        (weights * step).sum(axis=1).tolist(), rel=1e-4
    )
    assert criterion.lead(np.full((4, 5), np.nan)).tolist() == [np.inf] * 4


def test_shapes_of_windows() -> None:
    assert channels_first((1, 3, 8, 9), 216) == (3, 8, 9)
    assert channels_first((1, 1, 8, 8), 64) == (1, 8, 8)
    assert channels_first((64,), 64) == (1, 8, 8) and channels_first((5,), 5) == (1, 1, 5)
    for height in range(1, 6):
        for width in range(1, 6):
            for across in (False, True):
                tile = pair(height, width, across)
                assert tile.shape == (height, width)
                assert np.square(tile).sum() == pytest.approx(1.0)


def digits_module() -> Any:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    network = rb.load("digits")
    problem = NetworkModel(network, np.zeros(64), np.ones(64)).problem
    layers: list[Any] = []
    for stage in problem.stages:
        ((operator, _),) = stage.terms
        linear = torch.nn.Linear(operator.in_size, operator.out_size)
        matrix = np.asarray(operator.apply(np.eye(operator.in_size))).T
        linear.weight.data = torch.tensor(matrix, dtype=torch.float32)
        linear.bias.data = torch.tensor(np.array(stage.bias), dtype=torch.float32)
        layers += [linear, torch.nn.ReLU()] if stage.relu else [linear]
    return torch.nn.Sequential(*layers)


@pytest.mark.slow
def test_a_torch_module_is_attacked_alike() -> None:
    network = rb.load("digits")
    adapter = TorchModel(digits_module(), (64,))
    own = NetworkModel(network, np.zeros(64), np.ones(64))
    points = FLAT[:9] / 255.0
    weights = np.random.default_rng(0).normal(size=(9, 10))
    assert np.allclose(adapter.logits(points), own.logits(points), atol=1e-4)
    assert np.allclose(adapter.gradient(points, weights), own.gradient(points, weights), atol=1e-4)
    one, other = (
        attack_batch("digits", FLAT[:40], DIGITS[:40], 0.1, method="pgd", model=used)
        for used in (None, adapter)
    )
    assert [a.success for a in one] == [b.success for b in other]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_never_weaker_than_foolbox_on_equal_steps() -> None:
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    theirs = foolbox.PyTorchModel(digits_module().eval(), bounds=(0, 1))
    x = torch.tensor(FLAT / 255.0, dtype=torch.float32)
    y = torch.tensor(DIGITS)
    torch.manual_seed(0)
    for eps in (0.08, 0.12):
        attack = foolbox.attacks.LinfPGD(steps=20)
        lost = int(attack(theirs, x, y, epsilons=eps)[2].sum())
        own = attack_batch("digits", FLAT, DIGITS, eps, method=Pgd(steps=20))
        assert sum(found.success for found in own) >= lost - 1
    points = foolbox.attacks.LInfFMNAttack(steps=50).run(theirs, x, y)
    lost_there = theirs(points).argmax(axis=1) != y
    far = (points - x).abs().amax(axis=1)[lost_there].numpy().astype(np.float64)
    found = attack_batch("digits", FLAT, DIGITS, None, method=Fmn(steps=50), minimal=True)
    near = np.array([one.distance for one in found])
    assert np.isfinite(near).all()
    assert near[lost_there.numpy()].mean() <= far.mean() * 1.01


def test_the_command(tmp_path: Path) -> None:
    runner, out = CliRunner(), tmp_path / "out.jsonl"
    small = [str(model(tmp_path / "m.onnx")), "--data", str(images(tmp_path / "i.npz"))]
    for method, eps in (("pgd", "0.2001"), ("fmn", "0.2001"), ("fgsm", "1/4")):
        done = runner.invoke(
            app, ["attack", *small, "--method", method, "--eps", eps, "--json", str(out)]
        )
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[-1].startswith(
            "4 images: attacked accuracy 25.0 % (3 lost their label, 1 of them misclassified)"
        )
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert [row["index"] for row in rows] == [0, 1, 2, 3]
        assert [row["success"] for row in rows] == [False, True, True, True]
        assert rows[0]["distance"] is None and 0.2 <= rows[1]["distance"] <= 0.25
        assert rows[3]["distance"] == 0.0 and rows[3]["predicted"] != rows[3]["label"]
        assert {row["method"] for row in rows} == {method}
        assert {row["norm"] for row in rows} == {"linf"} and rows[0]["eps"] >= 0.2001
    done = runner.invoke(app, ["attack", "digits", "--index", "0:5", "--minimal"])
    assert done.exit_code == 0 and "attacked accuracy 0.0 %" in done.stdout
    metrics = runner.invoke(app, ["metrics", str(out), "--eps", "0.3"])
    assert metrics.exit_code == 0, metrics.output


@pytest.mark.parametrize(
    "arguments",
    [["digits"], ["digits", "--eps", "x"], ["digits", "--eps", "0.1", "--method", "cw"]],
)
def test_commands_that_make_no_sense(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["attack", *arguments])
    assert done.exit_code == 2 and done.stderr.startswith("error: ")
