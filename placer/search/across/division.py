"""Which site holds how many replicas, or how many stages: small models of linear counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from collections.abc import Sequence

DETERMINISTIC_LIMIT: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaDivision:
    """Blocks of replicas at each site, ``shard`` of which share their states; it divides them all."""

    blocks: tuple[int, ...]
    shard: int


def divide_replicas(
    num_blocks: int, room: Sequence[int], *, most_at_one: int
) -> ReplicaDivision | None:
    """Divide blocks of replicas over sites, each used; None where they have no room.

    Parameters
    ----------
    num_blocks
        Blocks in all; a block is the fewest replicas whose experts make whole groups.
    room
        Blocks that each site can hold and power.
    most_at_one
        Blocks at any one site at most: what its loss may cost.

    Notes
    -----
    States are shared inside a site by groups of one size, so the largest common divisor of the
    sites' blocks is what divides them; the model maximises it, then evens the sites out.
    """
    if num_blocks < len(room):
        return None
    model = cp_model.CpModel()
    held = [
        model.new_int_var(0, max(min(capacity, num_blocks), 0), f"held{site}")
        for site, capacity in enumerate(room)
    ]
    largest = model.new_int_var(0, num_blocks, "largest")
    sizes = [s for s in range(1, num_blocks // len(room) + 1) if num_blocks % s == 0]
    chosen = [model.new_bool_var(f"shard{size}") for size in sizes]
    _all_blocks_are_placed(model, held, num_blocks)
    _a_site_may_be_lost(model, held, largest, most_at_one)
    _shards_divide_sites(model, held, num_blocks, sizes, chosen)
    shard = sum(size * literal for size, literal in zip(sizes, chosen, strict=True))
    model.maximize((num_blocks + 1) * shard - largest)
    solver = _solved(model)
    if solver is None:
        return None
    blocks = tuple(solver.value(count) for count in held)
    size = next(s for s, literal in zip(sizes, chosen, strict=True) if solver.value(literal))
    return ReplicaDivision(blocks=blocks, shard=size)


def _all_blocks_are_placed(
    model: cp_model.CpModel, held: list[cp_model.IntVar], num_blocks: int
) -> None:
    """Every block is at one site, and every site has some."""
    model.add(sum(held) == num_blocks)
    for count in held:
        model.add(count >= 1)


def _a_site_may_be_lost(
    model: cp_model.CpModel, held: list[cp_model.IntVar], largest: cp_model.IntVar, most: int
) -> None:
    """No site holds more than its loss may cost."""
    for count in held:
        model.add(count <= largest)
    model.add(largest <= most)


def _shards_divide_sites(
    model: cp_model.CpModel,
    held: list[cp_model.IntVar],
    num_blocks: int,
    sizes: list[int],
    chosen: list[cp_model.IntVar],
) -> None:
    """Groups that share states have one size, and lie inside a site each."""
    model.add_exactly_one(chosen)
    for size, literal in zip(sizes, chosen, strict=True):
        for site, count in enumerate(held):
            groups = model.new_int_var(0, num_blocks, f"groups{size}_{site}")
            model.add(count == size * groups).only_enforce_if(literal)


def divide_stages(num_stages: int, room: Sequence[int]) -> tuple[int, ...] | None:
    """Divide the stages of a pipeline over sites in its order; None where they have no room.

    Stages before a crossing hold micro-batches in addition, so as few as possible come early.
    """
    if num_stages < len(room):
        return None
    model = cp_model.CpModel()
    held = [
        model.new_int_var(0, max(min(capacity, num_stages), 0), f"held{site}")
        for site, capacity in enumerate(room)
    ]
    _all_blocks_are_placed(model, held, num_stages)
    model.minimize(sum((len(room) - site) * count for site, count in enumerate(held)))
    solver = _solved(model)
    return None if solver is None else tuple(solver.value(count) for count in held)


def _solved(model: cp_model.CpModel) -> cp_model.CpSolver | None:
    """The solver with its answer, None where there is none."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = DETERMINISTIC_LIMIT
    solver.parameters.catch_sigint_signal = False
    status = solver.solve(model)
    return solver if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
