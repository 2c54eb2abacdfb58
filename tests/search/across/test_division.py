"""The small models: who holds how many replicas, or stages."""

from itertools import product
from math import gcd

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placer.search.across.division import divide_replicas, divide_stages


def test_unequal_sites_share_by_the_largest_group_that_divides_both() -> None:
    division = divide_replicas(64, (50, 20), most_at_one=64)
    assert division is not None
    assert (division.blocks, division.shard) == ((48, 16), 16)


def test_no_site_holds_more_than_its_loss_may_cost() -> None:
    division = divide_replicas(64, (50, 20), most_at_one=44)
    assert division is not None
    assert (division.blocks, division.shard) == ((44, 20), 4)


@pytest.mark.parametrize(
    ("blocks", "room", "most"),
    [
        (64, (32, 31), 64),  # one block too few
        (64, (64, 64), 31),  # each may hold 31 only
        (1, (4, 4), 1),  # two sites, one block
        (4, (4, 0), 4),  # a site without room
    ],
)
def test_what_has_no_room_is_refused(blocks: int, room: tuple[int, ...], most: int) -> None:
    assert divide_replicas(blocks, room, most_at_one=most) is None


@settings(max_examples=60, deadline=None)
@given(
    blocks=st.integers(2, 16),
    room=st.lists(st.integers(0, 12), min_size=2, max_size=3),
    most=st.integers(1, 16),
)
def test_replicas_are_divided_as_brute_force_does(blocks: int, room: list[int], most: int) -> None:
    division = divide_replicas(blocks, room, most_at_one=most)
    ways = [
        held
        for held in product(*(range(1, capacity + 1) for capacity in room))
        if sum(held) == blocks and max(held) <= most
    ]
    assert (division is None) == (not ways)
    if division is not None:
        best = max((gcd(*held), -max(held)) for held in ways)
        assert (division.shard, -max(division.blocks)) == best
        assert all(count % division.shard == 0 for count in division.blocks)


@pytest.mark.parametrize(
    ("stages", "room", "held"),
    [
        (16, (12, 4), (12, 4)),  # tight
        (16, (12, 12), (4, 12)),  # few before the crossing
        (16, (8, 8, 8), (1, 7, 8)),
        (16, (12, 3), None),
        (1, (4, 4), None),
    ],
)
def test_stages_fill_the_later_sites_first(
    stages: int, room: tuple[int, ...], held: tuple[int, ...] | None
) -> None:
    assert divide_stages(stages, room) == held
