"""Files nobody here wrote, as cluster files: the whole output under review."""

from __future__ import annotations

from pathlib import Path

import pytest
from import_samples import CLUSTERS
from syrupy.assertion import SnapshotAssertion

from placer.importers.clusters import ClusterFormat, ClusterOptions, import_cluster
from placer.spec.cluster import ClusterSpec
from placer.spec.yaml_source import load_document
from placer.topology.build import build_topology

H100 = ClusterOptions(accelerator="h100_sxm", nic="400 Gbit/s")
GB200 = ClusterOptions(accelerator="gb200", nic="400 Gbit/s")
READ = ClusterOptions(accelerator="h100_sxm")

CASES: list[tuple[str, str, ClusterOptions]] = [
    ("slurm", "slurm-two-levels.conf", H100),
    ("slurm", "slurm-unbalanced.conf", H100),
    ("slurm", "slurm-blocks.conf", H100),
    ("slurm", "slurm-blocks-gb200.conf", GB200),
    ("slurm", "slurm-shown.txt", H100),
    ("slurm", "slurm-topologies.yaml", H100),
    ("slurm", "slurm-topologies.yaml", GB200),
    ("topograph", "topograph-small-tree.yaml", H100),
    ("topograph", "topograph-medium.yaml", GB200),
    ("topograph", "topograph-nvl72.yaml", GB200),
    ("topograph", "topograph-irregular.yaml", GB200),
    ("topograph", "topograph-graph.json", H100),
    ("kubernetes", "kubernetes-gb200.json", GB200),
    ("ibnetdiscover", "ibnetdiscover-superpod.txt", READ),
    ("nvidia-smi", "nvidia-smi-dgx-h100.txt", READ),
]


@pytest.mark.parametrize(("kind", "file", "options"), CASES)
def test_whole_files(
    kind: str, file: str, options: ClusterOptions, snapshot: SnapshotAssertion, tmp_path: Path
) -> None:
    text = import_cluster(ClusterFormat(kind), [CLUSTERS / file], options)
    assert text == snapshot
    written = tmp_path / "cluster.yaml"
    written.write_text(text)
    build_topology(load_document(written, ClusterSpec))


def test_sites_and_a_host_matrix(snapshot: SnapshotAssertion, tmp_path: Path) -> None:
    options = ClusterOptions(
        accelerator="h100_sxm", nic="400 Gbit/s", link="roce", site_link="400 Gbit/s, 470 km"
    )
    files = [CLUSTERS / "hosts.csv", CLUSTERS / "nvidia-smi-dgx-h100.txt"]
    text = import_cluster(ClusterFormat.CSV, files, options)
    assert text == snapshot
    written = tmp_path / "cluster.yaml"
    written.write_text(text)
    topology = build_topology(load_document(written, ClusterSpec))
    names = [topology.host_name(host) for host in range(topology.num_hosts)]
    assert names == [*(f"a{n}" for n in range(1, 13)), *(f"b{n}" for n in range(1, 5))]
    assert topology.levels[1].rails == 8
