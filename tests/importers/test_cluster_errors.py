"""What the importers of clusters refuse, and how: every problem at once, with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from import_samples import CLUSTERS

from placer.errors import InputError, Problem
from placer.importers.clusters import ClusterFormat, ClusterOptions, import_cluster

H100 = ClusterOptions(accelerator="h100_sxm", nic="400 Gbit/s")
GB200 = ClusterOptions(accelerator="gb200", nic="400 Gbit/s")


def problems_of(
    kind: str, files: list[Path], options: ClusterOptions = H100
) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        import_cluster(ClusterFormat(kind), files, options)
    return caught.value.problems


def problems_in(
    folder: Path, kind: str, name: str, text: str, options: ClusterOptions = H100
) -> list[tuple[int | None, str, str]]:
    path = folder / name
    path.write_text(text)
    found = problems_of(kind, [path], options)
    assert all(problem.source == str(path) for problem in found)
    return [(problem.line, problem.expected, problem.found) for problem in found]


TREE = "SwitchName=s0 Nodes=a[0-3]\nSwitchName=s1 Nodes=a[4-7]\n"


@pytest.mark.parametrize(
    ("text", "line", "expected", "found"),
    [
        ("Include other.conf\n", 1, "no Include", "Include other.conf"),
        ("SwitchName=s0 Nodes=a[3-1]\n", 1, "an ascending range", "'3-1' in 'a[3-1]'"),
        ("SwitchName=s0 Node=a1\n", 1, "a known key", "'node'"),
        ("SwitchName=s0 Nodes=a1 Nodes=a2\n", 1, "each key once in a line", "a second one"),
        ("SwitchName=s0 Nodes=a1 extra\n", 1, "Key=Value pairs with blanks between them", "extra"),
        (f"{TREE}SwitchName=s0 Nodes=b1\n", 3, "a name no other switch has", "'s0'"),
        (f"{TREE}SwitchName=s2 Switches=s[0-3]\n", 3, "child switches that are defined", "s3"),
        (
            f"{TREE}SwitchName=s2 Switches=s3\nSwitchName=s3 Switches=s[0-2]\n",
            4,
            "switches in a tree",
            "s2 above and below s3",
        ),
        (f"{TREE}SwitchName=s2 Switches=s0 Nodes=b1\n", 3, "Nodes or Switches", "both"),
        (TREE, 2, "one network that connects all hosts", "2 parts that no switch joins: s0, s1"),
        (
            f"{TREE}BlockName=b1 Nodes=a1\n",
            1,
            "a tree or blocks",
            "SwitchName beside the BlockName",
        ),
        ("BlockName=b1 Nodes=a[1-4]\nBlockSizes=3,9\n", 1, "block sizes that are 3 times", "9"),
        ("BlockName=b1 Nodes=a1\nBlockSizes=two\n", 2, "numbers of hosts, with commas", "'two'"),
        ("BlockName=b1 Nodes=a1\nBlockSizes=4\n", 1, "at least 4 hosts, the smallest", "1"),
        (
            "BlockName=b1 Nodes=a1\nBlockName=b2 Nodes=a1\n",
            2,
            "each host in one block",
            "a1, in b1",
        ),
        ("RingName=r0 Nodes=a[1-4]\n", 1, "a tree or blocks, which say where each host is", "ring"),
        ("# nothing\n", None, "lines with SwitchName= or BlockName=", "none"),
        ("Frontend=x\n", 1, "a line with SwitchName=", "Frontend=x"),
    ],
)
def test_slurm_lines(tmp_path: Path, text: str, line: int, expected: str, found: str) -> None:
    problems = problems_in(tmp_path, "slurm", "topology.conf", text)
    assert any(
        at == line and want.startswith(expected) and got.startswith(found)
        for at, want, got in problems
    ), problems


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = "SwitchName=s0 Nodes=a[3-1]\nInclude x\nSwitchName=s0 Spines=s9\n"
    path = tmp_path / "topology.conf"
    path.write_text(text)
    options = ClusterOptions(nic="400", link="rocev2", gpus_per_host=0)
    found = problems_of("slurm", [path], options)
    assert [p.source for p in found[:4]] == ["--accelerator", "--gpus-per-host", "--nic", "--link"]
    assert [p.line for p in found[4:]] == [1, 2, 3, 3]


def test_a_missing_option_is_named() -> None:
    (problem,) = problems_of(
        "slurm", [CLUSTERS / "slurm-blocks.conf"], ClusterOptions(accelerator="h100_sxm")
    )
    assert problem.source == "--nic"
    assert '--nic "400 Gbit/s"' in problem.remedy


def test_sites_need_a_link() -> None:
    (problem,) = problems_of("csv", [CLUSTERS / "hosts.csv"])
    assert problem.source == "--site-link"


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("- topology: a\n  tree:\n    switches: []\n  flat: true\n", 1, "one of tree, block"),
        ("- topology: a\n  mesh: true\n", 2, "a known field"),
        ("- topology: a\n  block:\n    blocks:\n      - nodes: n1\n", 4, "a value"),
        (
            "- topology: a\n  tree:\n    switches:\n      - {switch: s}\n      - {switch: s}\n",
            5,
            "a name nothing else has",
        ),
        ("- topology: a\n  flat: true\n", 1, "a tree or blocks"),
        ("- topology: [a\n", 2, "valid YAML"),
        ("topology\n", 1, "a list"),
    ],
)
def test_slurm_yaml(tmp_path: Path, text: str, line: int, expected: str) -> None:
    problems = problems_in(tmp_path, "slurm", "topology.yaml", text)
    assert any(at == line and want.startswith(expected) for at, want, _ in problems), problems


def test_one_of_several_topologies() -> None:
    options = ClusterOptions(accelerator="h100_sxm", nic="400 Gbit/s", topology="rack")
    (problem,) = problems_of("slurm", [CLUSTERS / "slurm-topologies.yaml"], options)
    assert problem.remedy == "Did you mean racks?"
    options = ClusterOptions(accelerator="h100_sxm", nic="400 Gbit/s", topology="racks")
    text = import_cluster(ClusterFormat.SLURM, [CLUSTERS / "slurm-topologies.yaml"], options)
    assert "{name: block, latency: 3 us}" in text


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("switches: {s: {switches: [t]}}\nblocks: []\n", None, "at least one node"),
        ("blocks:\n- switch: x\n  nodes: [a]\n", 2, "a switch of the model"),
        ("blocks:\n- nodes: [a]\n- nodes: [a]\n", 3, "each node once"),
        (
            "switches: {s: {}}\nblocks:\n- {switch: s, nodes: [a]}\n- nodes: [b]\n",
            4,
            "a switch, as",
        ),
        (
            "switches:\n  s: {switches: [s]}\nblocks:\n- {switch: s, nodes: [a]}\n",
            2,
            "switches in a",
        ),
        ("blocks:\n- nodes: [a]\n  capacity: 3\n", 3, "a known field"),
    ],
)
def test_topograph(tmp_path: Path, text: str, line: int, expected: str) -> None:
    problems = problems_in(tmp_path, "topograph", "model.yaml", text)
    assert any(at == line and want.startswith(expected) for at, want, _ in problems), problems


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"items": []}, "at least one node"),
        ({"items": [{"metadata": {}}]}, "a node with metadata.name"),
        ({"items": "x"}, "a node with metadata.name"),
    ],
)
def test_kubernetes(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    problems = problems_in(tmp_path, "kubernetes", "nodes.json", json.dumps(change))
    assert any(want.startswith(expected) for _, want, _ in problems), problems


def test_a_kubernetes_node_without_the_others_labels(tmp_path: Path) -> None:
    document = json.loads((CLUSTERS / "kubernetes-gb200.json").read_text())
    del document["items"][3]["metadata"]["labels"]["fabric.topograph.run/tier-0"]
    path = tmp_path / "nodes.json"
    path.write_text(json.dumps(document))
    (problem,) = problems_of("kubernetes", [path], GB200)
    assert (problem.field, problem.expected) == (
        "gb200-r1-n4",
        "the label fabric.topograph.run/tier-0",
    )


def test_a_domain_without_its_label(tmp_path: Path) -> None:
    document = json.loads((CLUSTERS / "kubernetes-gb200.json").read_text())
    del document["items"][3]["metadata"]["labels"]["nvidia.com/gpu.clique"]
    path = tmp_path / "nodes.json"
    path.write_text(json.dumps(document))
    (problem,) = problems_of("kubernetes", [path], GB200)
    assert (problem.field, problem.expected) == ("gb200-r1-n4", "the host's accelerator domain")


def test_domains_larger_than_the_accelerators(tmp_path: Path) -> None:
    problems = problems_in(
        tmp_path,
        "slurm",
        "topology.conf",
        "BlockName=b Nodes=n[1-20]\nBlockName=c Nodes=m1\n",
        GB200,
    )
    assert problems == [
        (1, "at most 18 hosts in a scale-up domain of NVIDIA GB200 (per GPU)", "20")
    ]


def test_hosts_that_no_file_puts_into_domains(tmp_path: Path) -> None:
    text = (
        "SwitchName=s0 Nodes=a[0-17]\nSwitchName=s1 Nodes=a[18-37]\nSwitchName=s2 Switches=s[0-1]\n"
    )
    problems = problems_in(tmp_path, "slurm", "topology.conf", text, GB200)
    assert [(line, found) for line, _, found in problems] == [(2, "20")]


def test_a_domain_torn_between_units(tmp_path: Path) -> None:
    text = "host,domain,rack\na1,d1,r1\na2,d1,r2\na3,d2,r2\na4,d2,r1\n"
    problems = problems_in(tmp_path, "csv", "hosts.csv", text, GB200)
    assert problems[0] == (
        2,
        "each domain inside one rack, or whole rack units inside it",
        "parts of r1, r2",
    )


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", None, "a line with host"),
        ("rack\nr1\n", 1, "a column host"),
        ("host,shelf\na,1\n", 1, "a known column"),
        ("host,rack\na\n", 2, "2 cells"),
        ("host,rack\na,\n", 2, "the rack of each host"),
        ("host,rack\na,r1\na,r2\n", 3, "each host once"),
        ("host,rack\n", None, "rows with hosts"),
        ('host,rack\n"a[1-",r1\n', 2, "brackets in pairs"),
        ("host\na_b\n", None, "safe host names"),
    ],
)
def test_tables(tmp_path: Path, text: str, line: int, expected: str) -> None:
    problems = problems_in(tmp_path, "csv", "hosts.csv", text)
    assert any(at == line and want.startswith(expected) for at, want, _ in problems), problems


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("hello\n", None, "lines that begin with Switch"),
        ('Switch\t65 "S-1"\n', 1, 'Switch, ports, "S-guid"'),
        ('Switch\t65 "S-1"\t# "leaf"\n[1] broken\n', 2, '[port] "peer"[port]'),
        (
            'Switch\t65 "S-1"\t# "leaf"\n[1]\t"H-2"[1](2) # "a mlx5_0" lid 1 4xFAST\n',
            2,
            "one of SDR",
        ),
        (
            'Switch\t65 "S-1"\t# "leaf"\n[1]\t"H-2"[1](2) # "MT4129" lid 1 4xNDR\n',
            None,
            "adapters whose",
        ),
    ],
)
def test_ibnetdiscover(tmp_path: Path, text: str, line: int, expected: str) -> None:
    problems = problems_in(tmp_path, "ibnetdiscover", "fabric.txt", text)
    assert any(at == line and want.startswith(expected) for at, want, _ in problems), problems


def matrix(*rows: str) -> str:
    return "\n".join(["\tGPU0\tGPU1\tNIC0\tCPU Affinity", *rows, ""])


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("hello\n", 1, "a line that names GPU0"),
        (matrix("GPU0\t X \tNV18\tPIX\t0-7"), 1, "a row for each GPU"),
        (matrix("GPU0\t X \tPHB\tPIX", "GPU1\tPHB\t X \tPIX"), 2, "NVLink between the GPUs"),
        (matrix("GPU0\t X \tNV18\tFAR", "GPU1\tNV18\t X \tPIX"), 2, "NV# or one of PIX"),
        (matrix("GPU0\t X \tNV18", "GPU1\tNV18\t X \tPIX"), 2, "3 cells"),
        (matrix("GPU0\tNV18\t X \tPIX", "GPU1\tNV18\t X \tPIX"), 2, "X"),
    ],
)
def test_host_matrices(tmp_path: Path, text: str, line: int, expected: str) -> None:
    problems = problems_in(tmp_path, "nvidia-smi", "dgx.txt", text)
    assert any(at == line and want.startswith(expected) for at, want, _ in problems), problems


def test_unlike_hosts_are_not_one_cluster(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(matrix("GPU0\t X \tNV18\tPIX", "GPU1\tNV18\t X \tSYS"))
    files = [CLUSTERS / "slurm-blocks.conf", CLUSTERS / "nvidia-smi-dgx-h100.txt", other]
    (problem,) = problems_of("slurm", files)
    assert problem.source == str(other)
    assert problem.found == "2 and 1"


def test_two_files_where_one_holds_all(tmp_path: Path) -> None:
    files = [CLUSTERS / "slurm-blocks.conf", CLUSTERS / "slurm-shown.txt"]
    (problem,) = problems_of("slurm", files)
    assert problem.found == "2 files"
