"""Every way to get a cluster file wrong names its line, its field and a remedy."""

from pathlib import Path

import pytest

from placer.errors import InputError, Problem
from placer.spec.cluster import ClusterSpec
from placer.spec.yaml_source import load_document

GOOD = """\
name: good
accelerator: h100_sxm
scale_up: {size: 8}
scale_out:
  link: infiniband
  nic: 400 Gbit/s
  levels:
    - {name: leaf, size: 32 hosts, latency: 3 us}
    - {name: pod, size: 4 leaf, latency: 4 us}
    - {name: core, size: 2 pod, latency: 5 us}
"""
LISTED = GOOD.replace("core, size: 2 pod", "core")
SITES = LISTED + "sites: [{name: a, size: 1 pod}, {name: b, size: 1 pod}]\n"


LINK = "{between: [a, b], bandwidth: 1.6 Tbit/s, distance: 80 km}"
LINKED = SITES + f"links: [{LINK}]\n"


def problems_of(text: str, folder: Path) -> list[Problem]:
    """What is wrong with a file of this text."""
    path = folder / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_document(path, ClusterSpec)
    return list(caught.value.problems)


def changed(before: str, after: str, text: str = GOOD) -> str:
    assert before in text
    return text.replace(before, after)


BAD = {
    "a bare bandwidth has no unit": (
        changed("400 Gbit/s", "50e9"), 6, "scale_out.nic", "with its unit", "400 Gbit/s",
    ),
    "a bare latency has no unit": (
        changed("3 us", "3"), 8, "scale_out.levels[0].latency", "time with its unit", "1.5 us",
    ),
    "bits of time": (
        changed("3 us", "3 GB"), 8, "scale_out.levels[0].latency", "time", "unit of size",
    ),
    "no bandwidth at all": (changed("400 Gbit/s", "0"), 6, "scale_out.nic", "> 0", ""),
    "negative bandwidth": (
        changed("400 Gbit/s", "-400 Gbit/s"), 6, "scale_out.nic", ">= 0", "",
    ),
    "unknown field": (
        changed("nic:", "nics:"), 6, "scale_out.nics", "a known field", "nic",
    ),
    "unknown accelerator": (
        changed("h100_sxm", "h100"), 2, "accelerator", "a known accelerator", "h100_sxm",
    ),
    "unknown link": (
        changed("infiniband", "infinband"), 5, "scale_out.link", "infiniband", "",
    ),
    "zero accelerators in a domain": (
        changed("size: 8", "size: 0"), 3, "scale_up.size", "1 to", "",
    ),
    "zero hosts in a leaf": (
        changed("32 hosts", "0 hosts"), 8, "scale_out.levels[0].size", "1 to", "",
    ),
    "sizes that do not divide": (
        changed("4 leaf", "100 hosts"), 9, "scale_out.levels[1].size", "whole number of leaf", "",
    ),
    "a child larger than its parent": (
        changed("4 leaf", "16 hosts"), 9, "scale_out.levels[1].size", "whole number of leaf",
        "Change one of the two sizes",
    ),
    "half a domain": (
        changed("32 hosts", "30 gpus"), 8, "scale_out.levels[0].size", "domains of 8",
        "unavailable",
    ),
    "a unit of something unknown": (
        changed("4 leaf", "4 leafy"), 9, "scale_out.levels[1].size", "a part", "leaf",
    ),
    "a level counted in a level outside it": (
        changed("32 hosts", "2 pods"), 8, "scale_out.levels[0].size", "a part", "host",
    ),
    "no size": (
        changed("leaf, size: 32 hosts", "leaf"), 8, "scale_out.levels[0].size", "a size", "hosts",
    ),
    "more accelerators than anyone has": (
        changed("2 pod", "2000000 gpus"), 10, "scale_out.levels[2].size", "at most", "",
    ),
    "two levels of one name": (
        changed("name: pod", "name: leaf"), 9, "scale_out.levels[1].name", "no other level", "",
    ),
    "a level called gpu": (
        changed("name: pod", "name: gpu"), 9, "scale_out.levels[1].name", "no other level", "",
    ),
    "oversubscription below one": (
        changed("4 us", "4 us, oversubscription: 0.5"), 9,
        "scale_out.levels[1].oversubscription", ">= 1", "",
    ),
    "oversubscription where nothing is outside": (
        changed("5 us", "5 us, oversubscription: 2"), 10,
        "scale_out.levels[2].oversubscription", "outermost", "uplink",
    ),
    "all links used by others": (
        changed("5 us", "5 us, background_load: 100 %"), 10,
        "scale_out.levels[2].background_load", "below 1", "3 %",
    ),
    "hosts that do not divide the domain": (
        GOOD + "gpus_per_host: 3\n", 11, "gpus_per_host", "divisor", "outer",
    ),
    "a torus without sides": (
        changed("{size: 8}", "{size: 8, type: torus}"), 3, "scale_up.dims", "product", "dims",
    ),
    "a torus of another volume": (
        changed("{size: 8}", "{size: 8, type: torus, dims: [2, 2]}"), 3, "scale_up.dims",
        "product", "dims",
    ),
    "sides of what is no torus": (
        changed("{size: 8}", "{size: 8, dims: [2, 4]}"), 3, "scale_up.dims", "none", "torus",
    ),
    "an outer scale-up level without figures": (
        changed("{size: 8}", "{size: 8, outer: {name: optics, size: 4}}"), 3,
        "scale_up.outer.bandwidth", "the bandwidth", "inner level only",
    ),
    "a host pattern without index": (
        GOOD + 'host_name: "{pod}-n"\n', 11, "host_name", "{index} once", "numbers",
    ),
    "a host pattern that runs together": (
        GOOD + 'host_name: "{pod}{index}"\n', 11, "host_name", "between placeholders", "collide",
    ),
    "a host pattern with an unknown unit": (
        GOOD + 'host_name: "{row}-{index}"\n', 11, "host_name", "placeholder", "pod",
    ),
    "a host pattern that reaches for attributes": (
        GOOD + 'host_name: "{pod.__class__}-{index}"\n', 11, "host_name", "placeholder", "",
    ),
    "a host name that a shell would run": (
        GOOD + 'host_name: "$(reboot)-{index}"\n', 11, "host_name", "safe host names", "Letters",
    ),
    "a cluster name that a shell would run": (
        changed("name: good", 'name: "$(reboot)"'), 1, "name", "", "",
    ),
    "pods listed and counted": (
        GOOD + "pods: [{count: 2}]\n", 10, "scale_out.levels[2].size", "no size", "pods",
    ),
    "pods with nothing around them": (
        "name: a\naccelerator: h100_sxm\npods: [{count: 2}]\n", 3, "pods", "scale_out", "",
    ),
    "a pod of half domains": (
        LISTED + "pods: [{size: 12 gpus}]\n", 11, "pods[0].size", "domains of 8", "unavailable",
    ),
    "a pod that says its size twice": (
        LISTED + "pods:\n  - {size: 4 leaf}\n  - {size: 4 leaf, hosts: ['n[1-4]']}\n", 13,
        "pods[1]", "size, hosts or units", "",
    ),
    "two pods of one name": (
        LISTED + "pods: [{name: a}, {name: a}]\n", 11, "pods", "different name", "unique",
    ),
    "one host in two pods": (
        LISTED + "pods: [{hosts: ['n[1-4]']}, {hosts: ['n[4-7]']}]\n", 11, "pods",
        "each host once", "",
    ),
    "a listed host that a shell would run": (
        LISTED + "pods: [{hosts: ['$(reboot)']}]\n", 11, "pods", "safe host names", "Letters",
    ),
    "a descending range of hosts": (
        LISTED + "pods: [{hosts: ['n[7-4]']}]\n", 11, "pods[0].hosts[0]", "ascending", "",
    ),
    "a host list without end": (
        LISTED + "pods: [{hosts: ['n[0-9][0-999999]']}]\n", 11, "pods[0].hosts[0]", "at most", "",
    ),
    "an unknown accelerator in a pod": (
        LISTED + "pods:\n  - {accelerator: h100_sxm}\n  - {accelerator: b200}\n", 13,
        "pods[1].accelerator", "a known accelerator", "b200_sxm",
    ),
    "an outage of nothing": (
        GOOD + "unavailable: [{reason: rain}]\n", 11, "unavailable[0]", "one of units", "every",
    ),
    "an outage of two kinds": (
        GOOD + "unavailable: [{every: 3, share: 3 %}]\n", 11, "unavailable[0]", "one of units", "",
    ),
    "a failed host that does not exist": (
        GOOD + "unavailable: [pod0-n1, pod0-n999]\n", 11, "unavailable[1]",
        "a unit of the cluster", "pod0-n0",
    ),
    "a failed accelerator that does not exist": (
        GOOD + "unavailable: ['pod0-n1:8']\n", 11, "unavailable[0]", "a unit", "",
    ),
    "a unit among others that does not exist": (
        GOOD + "drained:\n  - units:\n      - leaf7\n      - leaf8\n", 14, "drained[0].units[1]",
        "a unit of the cluster", "",
    ),
    "a drained unit that does not exist": (
        GOOD + "drained: [leaf8]\n", 11, "drained[0]", "a unit of the cluster", "",
    ),
    "a pattern over something unknown": (
        GOOD + "unavailable: [{every: 3, of: tray}]\n", 11, "unavailable[0].of", "a part", "leaf",
    ),
    "a pattern inside something unknown": (
        GOOD + "unavailable: [{every: 3, of: hosts, within: [pod7]}]\n", 11,
        "unavailable[0].within", "a unit of a level", "",
    ),
    "a pattern inside brackets that do not close": (
        GOOD + "unavailable: [{every: 3, of: hosts, within: [pod0, 'pod[0']}]\n", 11,
        "unavailable[0].within[1]", "brackets", "",
    ),
    "a host that loses more than it has": (
        GOOD + "unavailable: [{every: 3, of: host, lose: 9 gpus}]\n", 11, "unavailable[0].lose",
        "at most", "all",
    ),
    "a share of more than everything": (
        GOOD + "unavailable: [{share: 120 %}]\n", 11, "unavailable[0].share", "below 1", "3 %",
    ),
    "more spares than there are": (
        GOOD + "spares: 200 hosts per pod\n", 11, "spares", "200 healthy", "fewer",
    ),
    "spares per something unknown": (
        GOOD + "spares: 2 hosts per row\n", 11, "spares", "a part of the cluster", "leaf",
    ),
    "single accelerators as spares": (
        GOOD + "spares: 2 gpus\n", 11, "spares", "whole hosts", "domains",
    ),
    "sites without a link": (SITES, 11, "sites[1]", "a link", "bandwidth"),
    "a link without a length": (
        SITES + "links: [{between: [a, b], bandwidth: 1.6 Tbit/s}]\n", 12, "links[0]",
        "a distance or an rtt", "rtt",
    ),
    "a link to nowhere": (
        SITES + "links: [{between: [a, c], bandwidth: 1 Tbit/s, rtt: 1 ms}]\n", 12,
        "links[0].between[1]", "a site", "",
    ),
    "a link to itself": (
        SITES + "links: [{between: [a, a], bandwidth: 1 Tbit/s, rtt: 1 ms}]\n", 12,
        "links[0].between", "two different sites", "",
    ),
    "two sites of one name": (
        changed("name: b", "name: a", SITES), 11, "sites[1].name", "no other site", "",
    ),
    "a budget that runs no host": (
        # Eight of 700 + 575 + 100 W, at a PUE of 1.25.
        changed("{name: a,", "{name: a, power: 10 kW, pue: 1.25,", LINKED), 11, "sites[0].power",
        "at least 13.8 kW: one host of 8 h100_sxm at 11 kW and PUE 1.25", "raise it",
    ),
    "cooling that runs no host": (
        changed("{name: a,", "{name: a, power: 2 MW, cooling: 9 kW,", LINKED), 11,
        "sites[0].cooling", "at least 11 kW", "raise it",
    ),
    "more hosts than places": (
        changed("{name: a,", "{name: a, racks: 30, hosts_per_rack: 4,", LINKED), 11,
        "sites[0].racks", "at most 120 hosts (30 racks of 4)", "more racks",
    ),
    "racks of unknown height": (
        changed("{name: a,", "{name: a, racks: 30,", LINKED), 11, "sites[0]",
        "racks and hosts_per_rack together", "Add it",
    ),
    "a reserve of the only line": (
        changed("80 km}", "80 km, redundancy: n-1}", LINKED), 12, "links[0].redundancy",
        "at least 2 lines", "redundancy: none",
    ),
    "optics that do not reach": (
        changed("80 km}", "200 km, optics: zr}", LINKED), 12, "links[0].distance",
        "at most 120 km with zr optics", "long_haul",
    ),
    "faster than light": (
        changed("80 km}", "1000 km, rtt: 5 ms}", LINKED), 12, "links[0].rtt",
        "at least 9.79 ms", "wrong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", BAD.values(), ids=BAD.keys())
def test_mistake_is_named(tmp_path: Path, mistake: tuple[str, int, str, str, str]) -> None:
    text, line, field, expected, remedy = mistake
    problems = problems_of(text, tmp_path)
    problem = next((p for p in problems if p.field == field), None)
    assert problem is not None, problems
    assert problem.line == line
    assert expected in problem.expected or expected in problem.remedy
    assert remedy in problem.remedy
    assert problem.source.endswith("cluster.yaml")


def test_the_file_the_mistakes_are_made_in_is_right(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(GOOD)
    assert load_document(path, ClusterSpec).name == "good"


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = LISTED + "pods:\n  - {size: 12 gpus}\n  - {size: 9 leafy}\n  - {accelerator: x}\n"
    assert {p.line for p in problems_of(text, tmp_path)} == {12, 13, 14}


def test_a_million_single_accelerator_domains_are_refused_in_time(tmp_path: Path) -> None:
    text = changed("size: 8", "size: 1").replace("32 hosts", "1").replace("4 leaf", "1")
    problems = problems_of(text.replace("2 pod", "1048577"), tmp_path)
    assert problems[0].field == "scale_out.levels[2].size"
