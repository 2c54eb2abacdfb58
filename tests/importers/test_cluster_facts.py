"""What imported clusters are, beyond their text: names of ranks, speed, and no surprise."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from import_samples import CLUSTERS, kubernetes_nodes, mutated, superpod_lines

import placer
from placer.api import Configuration, RunOptions
from placer.errors import InputError
from placer.importers.clusters import ClusterFormat, ClusterOptions, import_cluster
from placer.importers.clusters.hostlists import compress_list, expand_list
from placer.plan.ranks import expand_ranks
from placer.spec.cluster import ClusterSpec
from placer.spec.yaml_source import load_document
from placer.topology.build import build_topology

H100 = ClusterOptions(accelerator="h100_sxm", nic="400 Gbit/s")
GB200 = ClusterOptions(accelerator="gb200", nic="400 Gbit/s")
"""Options under which each sample is a cluster."""

SAMPLES = [
    ("slurm", "slurm-two-levels.conf", H100),
    ("slurm", "slurm-blocks-gb200.conf", GB200),
    ("slurm", "slurm-topologies.yaml", GB200),
    ("topograph", "topograph-irregular.yaml", GB200),
    ("topograph", "topograph-graph.json", H100),
    ("kubernetes", "kubernetes-gb200.json", GB200),
    ("ibnetdiscover", "ibnetdiscover-superpod.txt", H100),
    ("nvidia-smi", "nvidia-smi-dgx-h100.txt", H100),
    ("csv", "hosts.csv", H100),
]


def imported(folder: Path, kind: str, files: list[Path], options: ClusterOptions) -> ClusterSpec:
    path = folder / "cluster.yaml"
    path.write_text(import_cluster(ClusterFormat(kind), files, options))
    return load_document(path, ClusterSpec)


def test_rank_tables_carry_the_files_own_host_names(tmp_path: Path) -> None:
    cluster = imported(tmp_path, "slurm", [CLUSTERS / "slurm-two-levels.conf"], H100)
    configuration = Configuration(tp=8, pp=4)
    run = RunOptions(global_batch_size=32, seq_len=4096)
    plan = placer.estimate("llama-3.1-70b", cluster, configuration, run)
    assert expand_ranks(plan).node_names == tuple(f"tux{number}" for number in range(16))


def test_missing_and_drained_hosts_hold_no_usable_gpu(tmp_path: Path) -> None:
    cluster = imported(tmp_path, "kubernetes", [CLUSTERS / "kubernetes-gb200.json"], GB200)
    topology = build_topology(cluster)
    assert topology.num_accelerators == 32
    assert topology.num_usable == 32 - 1 - 8


def test_uplinks_that_are_out_make_a_unit_narrower(tmp_path: Path) -> None:
    files = [CLUSTERS / "ibnetdiscover-superpod.txt"]
    topology = build_topology(imported(tmp_path, "ibnetdiscover", files, H100))
    first, second = topology.uplink_bytes_per_s(1)
    assert second < first


@pytest.mark.parametrize("names", [["n1", "n2", "x"], [f"n{i}" for i in range(0, 2000, 3)]])
def test_lists_of_names_survive_both_ways(names: list[str]) -> None:
    listed = compress_list(names)
    assert all(len(part) <= 1000 for part in listed)
    assert sorted(expand_list(",".join(listed))) == sorted(names)


def test_long_lists_expand() -> None:
    assert len(expand_list("n[" + ",".join(str(i) for i in range(0, 9000, 2)) + "],m1")) == 4501


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("kind", "file", "options"), SAMPLES)
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, kind: str, file: str, options: ClusterOptions, count: int
) -> None:
    """Seeded mutations of each sample: a cluster or an InputError, nothing else."""
    text = (CLUSTERS / file).read_text()
    source = random.Random(f"{kind} {file}")
    path = tmp_path / file
    read = 0
    for _ in range(count):
        path.write_text(mutated(text, source))
        try:
            import_cluster(ClusterFormat(kind), [path], options)
            read += 1
        except InputError:
            continue
    assert 0 < read < count


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["slurm", "kubernetes", "ibnetdiscover", "csv"])
def test_16384_hosts_are_read(tmp_path: Path, kind: str) -> None:
    texts = {
        "slurm": lambda: "\n".join(
            [f"SwitchName=s{i} Nodes=n[{i * 32}-{i * 32 + 31}]" for i in range(512)]
            + ["SwitchName=top Switches=s[0-511]"]
        ),
        "kubernetes": lambda: kubernetes_nodes(16_380),
        "ibnetdiscover": lambda: "\n".join(superpod_lines(512, 32, 8, 16)),
        "csv": lambda: "host,rack\n" + "\n".join(f"n{i},r{i // 32}" for i in range(16_384)),
    }
    path = tmp_path / "cluster.txt"
    path.write_text(texts[kind]())
    options = GB200 if kind == "kubernetes" else H100
    found = import_cluster(ClusterFormat(kind), [path], options)
    topology = build_topology(ClusterSpec.model_validate(yaml.safe_load(found)))
    assert topology.num_hosts >= 16_380
