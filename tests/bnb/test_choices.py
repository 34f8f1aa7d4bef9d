"""Trees of atoms and choices against their truth under every assignment of the atoms."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.bnb.nodes import disjunctions as module
from rhobust.bnb.nodes.disjunctions import Tree
from rhobust.compiler.base.arrays import Mask
from rhobust.compiler.problem import Branch

ATOMS = 5


@st.composite
def trees(draw: st.DrawFn, least: int = 0) -> Tree:
    """A tree; a branch's choices have smaller numbers, and several branches may share one.

    least: branches of a choice.
    """
    count = draw(st.integers(0, 4))

    def branch(below: int) -> Branch:
        atoms = draw(st.lists(st.integers(0, ATOMS - 1), max_size=2, unique=True))
        numbers = st.lists(st.integers(0, below - 1), max_size=2, unique=True)
        return Branch(tuple(atoms), tuple(draw(numbers)) if below else ())

    choices = tuple(
        tuple(branch(number) for _ in range(draw(st.integers(least, 3)))) for number in range(count)
    )
    return Tree(branch(count), choices, ATOMS)


masks = st.lists(st.booleans(), min_size=ATOMS, max_size=ATOMS).map(lambda m: np.array(m))


def holds(tree: Tree, true: Mask, branch: Branch | None = None) -> bool:
    """Whether a branch holds, by default the root, when these atoms (A,) are true."""
    of = tree.root if branch is None else branch
    return bool(true[list(of.atoms)].all()) and all(satisfiable(tree, true, k) for k in of.choices)


def satisfiable(tree: Tree, true: Mask, number: int) -> bool:
    return any(holds(tree, true, branch) for branch in tree.choices[number])


def reached(tree: Tree, true: Mask, atoms: Mask, pending: Mask) -> list[bool]:
    """Of some nodes (n, A), (n, C), whether each holds."""
    return [
        bool(true[row].all())
        and all(satisfiable(tree, true, k) for k in np.flatnonzero(still_open).tolist())
        for row, still_open in zip(atoms, pending, strict=True)
    ]


def assignments(tree: Tree) -> list[Mask]:
    return [np.array(some) for some in product([False, True], repeat=tree.atoms)]


@given(trees(), masks)
def test_atoms_that_hold_nowhere_leave_the_tree(tree: Tree, dead: Mask) -> None:
    left = tree.without(dead)
    possible = [true for true in assignments(tree) if not (true & dead).any()]
    if left is None:
        assert not any(holds(tree, true) for true in possible)
        return
    assert left.atoms == tree.atoms and len(left.choices) == len(tree.choices)
    assert all(holds(left, true) == holds(tree, true) for true in possible)
    used = left.used()
    assert not dead[used].any()
    # every branch that can still be reached can be satisfied
    assert holds(left, ~dead) and holds(tree, ~dead)
    # nothing dies twice
    assert left.without(dead) == left


@given(trees(), st.data())
def test_atoms_numbered_anew(tree: Tree, data: st.DataObject) -> None:
    used = tree.used()
    assert used.tolist() == sorted(set(used.tolist()))
    more = data.draw(st.sets(st.integers(0, ATOMS - 1)))
    kept = np.array(sorted({*used.tolist(), *more}), dtype=np.int64)
    small = tree.renumbered(kept)
    assert small.atoms == len(kept)
    assert kept[small.used()].tolist() == used.tolist()
    for true in assignments(tree):
        assert holds(small, true[kept]) == holds(tree, true)
        # an atom that is not used is not asked for
        unused = true.copy()
        unused[np.setdiff1d(np.arange(ATOMS), used)] ^= True
        assert holds(tree, unused) == holds(tree, true)


@given(trees())
def test_an_atom_is_used_where_it_decides_something(tree: Tree) -> None:
    used = set(tree.used().tolist())
    for true in assignments(tree):
        for atom in range(ATOMS):
            other = true.copy()
            other[atom] ^= True
            assert atom in used or holds(tree, other) == holds(tree, true)


@given(trees())
def test_a_violation_is_that_of_the_nearest_conjunction(tree: Tree) -> None:
    truths = assignments(tree)
    found = tree.violation(np.array([np.where(true, -0.5, 0.25) for true in truths]))
    for true, worst in zip(truths, found.tolist(), strict=True):
        assert (worst <= 0.0) == holds(tree, true)


def test_a_violation_of_many_choices_writes_no_conjunction_out() -> None:
    """2^300 of them, and 600 points."""
    choices = tuple((Branch((2 * k,), ()), Branch((2 * k + 1,), ())) for k in range(300))
    tree = Tree(Branch((), tuple(range(300))), choices, 600)
    values = np.eye(600)
    assert tree.violation(values).max() == 0.0
    values[0, :2] = 0.5
    assert tree.violation(values).tolist() == [0.5, *[0.0] * 599]


@given(trees(), st.sampled_from([1, 2, 3, 5, 256]))
def test_root_nodes_are_the_tree(tree: Tree, widest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WIDEST_ROOT", widest)
        atoms, pending = tree.start()
    assert atoms.shape[1:] == (ATOMS,) and pending.shape == (len(atoms), len(tree.choices))
    largest = max((len(options) for options in tree.choices), default=1)
    assert len(atoms) <= max(widest, largest, 1)
    if widest == 256:
        assert not pending.any(), "few nodes: all choices are made"
    for true in assignments(tree):
        assert any(reached(tree, true, atoms, pending)) == holds(tree, true)


@given(trees(), masks, st.data())
def test_choices_made_in_all_ways_cover_their_node(
    tree: Tree, atoms: Mask, data: st.DataObject
) -> None:
    pending = np.array([data.draw(st.booleans()) for _ in tree.choices], dtype=bool)
    if not pending.any():
        return
    number = tree.next_choice(pending)
    fewest = min(len(tree.choices[k]) for k in np.flatnonzero(pending).tolist())
    assert pending[number] and len(tree.choices[number]) == fewest
    before = atoms.copy(), pending.copy()
    some = data.draw(st.sampled_from(np.flatnonzero(pending).tolist()))
    for chosen in (number, some):
        more, still_open = tree.made(atoms, pending, chosen)
        assert len(more) == len(still_open) == len(tree.choices[chosen])
        for true in assignments(tree):
            parent = reached(tree, true, atoms[None], pending[None])[0]
            children = reached(tree, true, more, still_open)
            assert any(children) == parent
            for child, branch in zip(children, tree.choices[chosen], strict=True):
                assert child == (parent and holds(tree, true, branch))
    assert np.array_equal(atoms, before[0]) and np.array_equal(pending, before[1])


@given(trees(least=1))
def test_a_tree_made_to_its_end_is_its_disjunctive_normal_form(tree: Tree) -> None:
    open_, done = [(row, some) for row, some in zip(*tree.start(), strict=True)], []
    while open_:
        atoms, pending = open_.pop()
        if pending.any():
            more = tree.made(atoms, pending, tree.next_choice(pending))
            open_ += list(zip(*more, strict=True))
        else:
            done.append(atoms)
    for true in assignments(tree):
        assert any(true[row].all() for row in done) == holds(tree, true)


def test_a_choice_of_nothing_cannot_be_made() -> None:
    tree = Tree(Branch((0,), (0,)), ((),), 1)
    atoms, pending = tree.start()
    assert atoms.shape == (0, 1) and pending.shape == (0, 1)
    assert tree.without(np.array([False])) is None
    whole = Tree(Branch((), ()), (), 1)
    assert whole.without(np.array([True])) == whole and not len(whole.used())
    assert [a.shape for a in whole.start()] == [(1, 1), (1, 0)]
