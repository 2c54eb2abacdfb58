"""Counting units by hand and by plain enumeration."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from placer.plan.strategy import Strategy, StrategyBatch
from placer.search.model_units import first_chunk_units
from placer.search.stage_room import StageRooms, least_units, stage_room


def fits(columns: Sequence[float], room: Sequence[float], vpp: int, num_body: int) -> bool:
    """Whether stages with ``room`` of a quantity hold lead layers (columns[:-3]) and bodies."""
    batch = StrategyBatch.of([Strategy(pp=len(room), vpp=vpp)])
    least = least_units(batch, len(room))
    found = stage_room(
        np.array(columns)[None, None, :], np.array(room)[None, :], batch, num_body, least
    )
    alone = StageRooms(by_generation=(found,), few=np.zeros((1, 0), dtype=np.int64))
    return bool(alone.fits(num_body)[0])


def fits_by_enumeration(
    columns: Sequence[float], room: Sequence[float], vpp: int, num_body: int
) -> bool:
    *lead, body, first, last = columns
    pp, num_units = len(room), num_body + len(lead)
    least = least_units(StrategyBatch.of([Strategy(pp=pp, vpp=vpp)]), pp)[0]
    for units in itertools.product(range(num_units + 1), repeat=pp):
        if sum(units) != num_units or any(u < low for u, low in zip(units, least, strict=True)):
            continue
        start, good = 0, True
        for stage, taken in enumerate(units):
            held = min(len(lead) - start, first_chunk_units(taken, vpp, stage))
            cost = sum(lead[start : start + held]) + (taken - held) * body
            cost += first if stage == 0 else 0.0
            cost += last if stage == pp - 1 else 0.0
            good &= cost <= room[stage] + 1e-6
            start += held
        if good and start == len(lead):
            return True
    return False


@pytest.mark.parametrize(
    ("room", "num_body", "good"),
    [
        ((4.0, 4.0), 8, True),  # tight
        ((4.0, 3.9), 8, False),
        ((4.0, 4.0), 9, False),
        ((-1.0, 9.0), 5, False),  # a stage that holds not even its ends
    ],
)
def test_bodies_alone(room: tuple[float, ...], num_body: int, good: bool) -> None:
    assert fits((1.0, 0.0, 0.0), room, 1, num_body) is good


def test_ends_take_room() -> None:
    assert fits((1.0, 1.0, 2.0), (3.0, 3.0), 1, 3)
    assert not fits((1.0, 1.0, 2.0), (3.0, 3.0), 1, 4)


def test_dear_lead_layers_sit_on_the_first_stage_without_chunks() -> None:
    """One chunk: the first stage holds both lead layers before any body unit."""
    assert fits((3.0, 3.0, 1.0, 0.0, 0.0), (7.0, 7.0), 1, 8)
    assert not fits((3.0, 3.0, 1.0, 0.0, 0.0), (5.0, 9.0), 1, 8)


def test_chunks_spread_lead_layers() -> None:
    """Two chunks of one unit: the lead layers fall on the first chunks of both stages."""
    assert fits((3.0, 3.0, 1.0, 0.0, 0.0), (4.0, 4.0), 2, 2)
    assert not fits((3.0, 3.0, 1.0, 0.0, 0.0), (4.0, 4.0), 1, 2)


@given(
    lead=st.lists(st.integers(1, 4), max_size=3),
    room=st.lists(st.integers(0, 9), min_size=2, max_size=4),
    vpp=st.integers(1, 3),
    ends=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    num_body=st.integers(1, 7),
)
def test_never_says_no_to_what_fits(
    lead: list[int], room: list[int], vpp: int, ends: tuple[int, int], num_body: int
) -> None:
    """A bound: yes wherever enumeration finds a split; without lead layers exactly there."""
    least = least_units(StrategyBatch.of([Strategy(pp=len(room), vpp=vpp)]), len(room))
    assume(least.sum() <= num_body + len(lead))  # the space has no others
    columns = [float(c) for c in (*lead, 1, *ends)]
    limits = [float(r) for r in room]
    by_hand = fits_by_enumeration(columns, limits, vpp, num_body)
    said = fits(columns, limits, vpp, num_body)
    assert said >= by_hand
    if not lead:
        assert said == by_hand
