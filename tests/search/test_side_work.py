"""Where work beside the step stands: rooms, homes, brute force."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.errors import InfeasibleError
from placer.search.room import make_room, whole_hosts, without_hosts
from placer.search.side_work import Place, place_side_work
from placer.spec.cluster import ClusterSpec
from placer.spec.side_work import CheckpointSpec, ServiceSpec, StandbySpec, WorkSpec
from placer.topology.build import build_topology


def service(name: str, gpus: int, at: str | None = None) -> ServiceSpec:
    return ServiceSpec.model_validate(
        {"name": name, "gpus": gpus, "weights_every": "1 h", "at": at}
    )


def copies(name: str) -> CheckpointSpec:
    return CheckpointSpec.model_validate({"name": name, "every": "30 min"})


def places(*hosts: int) -> list[Place]:
    """The first site is home; each further one a link farther."""
    return [
        Place(name=f"s{i}", hosts=count, gpus_per_host=8, distance=i)
        for i, count in enumerate(hosts)
    ]


def test_home_is_left_whole() -> None:
    assert place_side_work([service("eval", 64)], places(512, 8)) == (1,)


def test_what_does_not_fit_elsewhere_stands_at_home() -> None:
    assert place_side_work([service("big", 72), service("small", 8)], places(512, 8)) == (0, 1)


def test_nearer_sites_first() -> None:
    assert place_side_work([service("a", 8), service("b", 8)], places(4, 1, 4)) == (1, 2)


def test_copies_leave_home() -> None:
    assert place_side_work([copies("c")], places(4, 0)) == (1,)


def test_standby_leaves_home_unless_told() -> None:
    near = StandbySpec(name="n", gpus=8, elsewhere=False)
    assert place_side_work([near], places(4, 0)) == (0,)
    with pytest.raises(InfeasibleError):
        place_side_work([StandbySpec(name="n", gpus=8)], places(4, 0))


def test_a_stated_site_is_kept() -> None:
    assert place_side_work([service("eval", 8, at="s0")], places(4, 4)) == (0,)


def test_no_room_is_said_in_numbers() -> None:
    with pytest.raises(InfeasibleError) as caught:
        place_side_work([service("eval", 100), service("web", 16, at="s1")], places(4, 1))
    assert caught.value.binding == (
        "s0 has 32 usable accelerators in whole hosts",
        "s1 has 8 usable accelerators in whole hosts",
        "eval wants 100 accelerators at s0 or s1",
        "web wants 16 accelerators at s1",
    )


def test_one_site_keeps_no_copies_elsewhere() -> None:
    with pytest.raises(InfeasibleError, match=r"no site \(there is only one\)"):
        place_side_work([copies("c")], places(4))


@given(
    gpus=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    hosts=st.lists(st.integers(0, 6), min_size=2, max_size=3),
)
def test_the_least_is_taken_from_home(gpus: list[int], hosts: list[int]) -> None:
    """Brute force over all sites of all work."""
    works: list[WorkSpec] = [service(f"w{i}", count) for i, count in enumerate(gpus)]
    sites = places(*hosts)

    def fits(chosen: tuple[int, ...]) -> bool:
        return all(
            sum(-(-g // 8) for g, at in zip(gpus, chosen, strict=True) if at == s) <= room
            for s, room in enumerate(hosts)
        )

    def cost(chosen: tuple[int, ...]) -> tuple[int, int]:
        home = sum(g for g, at in zip(gpus, chosen, strict=True) if at == 0)
        return home, sum(chosen)

    legal = [c for c in product(range(len(hosts)), repeat=len(gpus)) if fits(c)]
    if not legal:
        with pytest.raises(InfeasibleError):
            place_side_work(works, sites)
    else:
        assert cost(place_side_work(works, sites)) == min(cost(c) for c in legal)


CLUSTER = ClusterSpec.model_validate(
    {
        "name": "pair",
        "accelerator": "h100_sxm",
        "scale_out": {
            "link": "infiniband",
            "nic": "400 Gbit/s",
            "levels": [{"name": "hall", "latency": "3 us"}],
        },
        "sites": [{"name": "east", "size": "4 hosts"}, {"name": "west", "size": "3 hosts"}],
        "links": [{"between": ["east", "west"], "bandwidth": "800 Gbit/s", "rtt": "1 ms"}],
        "host_name": "{site}-n{index}",
        "unavailable": ["west-n2:3"],
    }
)


def test_hosts_with_something_broken_are_not_taken() -> None:
    assert whole_hosts(build_topology(CLUSTER)) == [[0, 1, 2, 3], [4, 5]]


def test_work_takes_the_last_hosts_and_training_the_rest() -> None:
    topology = build_topology(CLUSTER)
    room = make_room([service("eval", 12), copies("c")], topology, [0, 1])
    assert room.sites == (1, 1)
    assert room.hosts == (("west-n0", "west-n1"), ())
    left = build_topology(without_hosts(CLUSTER, {"eval": room.hosts[0], "c": ()}))
    assert left.num_usable == topology.num_usable - 16
