"""Names of hosts and units, and what they lead back to."""

from collections.abc import Callable

import pytest

from placer.spec.hierarchy.naming import parse_pattern
from placer.topology.tree import Topology

Build = Callable[..., Topology]


@pytest.mark.parametrize(
    ("pattern", "host", "name"),
    [
        ("{pod}-n{index}", 9, "pod1-n1"),
        ("{leaf}-{index:02}", 9, "leaf2-01"),
        ("{cluster}-{index:04}", 9, "test-0009"),
        ("{site}.{pod}.n{index}", 9, "test.pod1.n1"),
        ("dgx{index:3}.east", 9, "dgx009.east"),
        ("{pod}-{leaf}-n{index}", 9, "pod1-leaf2-n1"),
    ],
)
def test_patterns_number_hosts_in_the_smallest_unit_named(
    build: Build, pattern: str, host: int, name: str
) -> None:
    topology = build(host_name=pattern)
    assert topology.host_name(host) == name
    assert topology.names.host_named(name) == host


@pytest.mark.parametrize(
    "name",
    [
        "pod1-n8",
        "pod3-n0",
        "pod1-n01",
        "pod1-n",
        "pod-n1",
        "",
        "pod1-n1x",
        "leaf0-n1",
        "pod1-n999999",
    ],
)
def test_unknown_hosts_are_unknown(build: Build, name: str) -> None:
    assert build().names.host_named(name) is None


@pytest.mark.parametrize(
    ("name", "gpus"),
    [
        ("pod1", range(64, 128)),
        ("leaf0", range(32)),
        ("core", range(192)),
        ("pod1-n1", range(72, 80)),
        ("pod1-n1:7", range(79, 80)),
        ("leaf0:5", range(5, 6)),
        ("pod1-n1:8", None),
        ("pod1-n1:x", None),
        ("leaf6", None),
    ],
)
def test_names_stand_for_accelerators(build: Build, name: str, gpus: range | None) -> None:
    assert build().names.gpus_named(name) == gpus


@pytest.mark.parametrize("pattern", ["{index", "{index!r}", "{index:>4}", "{}{"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"expected|Single"):
        parse_pattern(pattern)
