"""Every cluster of the catalogue: what it is, level by level."""

import pytest

from placer.spec.catalogue import CatalogueKind, catalogue_names, resolve_input
from placer.spec.cluster import ClusterSpec
from placer.spec.yaml_source import load_document
from placer.topology.build import build_topology
from placer.topology.level import LevelKind

NAMES = catalogue_names(CatalogueKind.CLUSTER)

Row = tuple[int, int, list[tuple[str, int, float]]]
# Accelerators, those usable, then (level, accelerators of one unit, GB/s each way) from inside out.
EXPECTED: dict[str, Row] = {
    "alibaba-hpn-15k": (
        16_320, 15_360, [("nvlink", 8, 200), ("segment", 1088, 50), ("pod", 16_320, 50 / 1.067)],
    ),
    "aws-p5-ultracluster-4k": (
        4096, 4096, [("nvlink", 8, 450), ("leaf", 256, 50), ("spine", 4096, 50)],
    ),
    "azure-nd-h100-v5-1k": (
        1024, 1024, [("nvlink", 8, 450), ("leaf", 256, 50), ("spine", 1024, 50)],
    ),
    "b200-nvl8-576": (576, 576, [("nvlink", 8, 900), ("su", 192, 50), ("spine", 576, 50)]),
    "cloudmatrix384": (384, 384, [("supernode", 384, 392)]),
    "cloudmatrix384-x16": (6144, 6144, [("supernode", 384, 392), ("spine", 6144, 50)]),
    "deepseek-h800-2k": (
        2048, 2048, [("nvlink", 8, 200), ("leaf", 256, 50), ("spine", 2048, 50)],
    ),
    "dgx-a100-superpod-1k": (
        1120, 1120, [("nvlink", 8, 300), ("su", 160, 25), ("spine", 1120, 25)],
    ),
    "dgx-h100-superpod-16k": (
        16_384, 16_384,
        [("nvlink", 8, 450), ("su", 256, 50), ("pod", 1024, 50), ("core", 16_384, 50)],
    ),
    "dgx-h100-superpod-1k": (
        1024, 1024, [("nvlink", 8, 450), ("su", 256, 50), ("spine", 1024, 50)],
    ),
    "dgx-h100-superpod-4k": (
        4096, 4096,
        [("nvlink", 8, 450), ("su", 256, 50), ("pod", 1024, 50), ("core", 4096, 50)],
    ),
    "gb200-nvl72": (72, 72, [("rack", 72, 900)]),
    "gb200-superpod-576": (576, 576, [("rack", 72, 900), ("spine", 576, 50)]),
    "gb200-superpod-576-degraded": (576, 512, [("rack", 72, 900), ("spine", 576, 50)]),
    "gb300-nvl72-4k": (
        4032, 3584, [("rack", 72, 900), ("pod", 1008, 100), ("core", 4032, 50)],
    ),
    "gb300-superpod": (576, 576, [("rack", 72, 900), ("spine", 576, 100)]),
    "h100-degraded-1k": (
        1024, 939, [("nvlink", 8, 450), ("su", 256, 50), ("spine", 1024, 50)],
    ),
    "irregular-h100-16k": (
        16_384, 16_220,
        [("nvlink", 8, 450), ("su", 256, 50), ("pod", 3072, 50), ("core", 16_384, 12.5)],
    ),
    "lab-8x-h100": (8, 8, [("nvlink", 8, 450)]),
    "meta-roce-24k": (
        24_576, 24_576,
        [("nvlink", 8, 450), ("rack", 16, 50), ("pod", 3072, 50), ("core", 24_576, 50 / 7)],
    ),
    "mi300x-1k": (1024, 1024, [("xgmi", 8, 448), ("leaf", 256, 50), ("spine", 1024, 50)]),
    "mixed-a100-h100-4k": (
        4096, 4096,
        [("nvlink", 8, 300), ("su", 256, 25), ("pod", 1024, 25), ("core", 4096, 12.5)],
    ),
    "multiplane-131k": (
        131_072, 131_072, [("nvlink", 8, 900), ("leaf", 256, 100), ("spine", 131_072, 100)],
    ),
    "selene-a100-3k": (
        3072, 3072, [("nvlink", 8, 300), ("su", 128, 25), ("pod", 768, 25), ("core", 3072, 25)],
    ),
    "three-tier-clos-65k": (
        65_536, 65_536,
        [("nvlink", 8, 450), ("leaf", 256, 50), ("pod", 1024, 50), ("core", 65_536, 50)],
    ),
    "tpu-v5p-pod": (8960, 8960, [("pod", 8960, 540)]),
    "trainium2-ultra": (
        1024, 1024, [("instance", 16, 512), ("ultra", 64, 128), ("spine", 1024, 25)],
    ),
}  # fmt: skip


def load(name: str) -> ClusterSpec:
    return load_document(resolve_input(name, CatalogueKind.CLUSTER).path, ClusterSpec)


@pytest.mark.parametrize("name", NAMES)
def test_loads_and_says_where_it_comes_from(name: str) -> None:
    cluster = load(name)
    assert cluster.name == name
    assert cluster.description
    assert cluster.sources
    assert cluster.assumed


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_counts_and_bandwidth_per_level(name: str) -> None:
    gpus, usable, levels = EXPECTED[name]
    topology = build_topology(load(name))
    assert (topology.num_accelerators, topology.num_usable) == (gpus, usable)
    assert [(level.name, level.num_accelerators) for level in topology.levels] == [
        (level, size) for level, size, _ in levels
    ]
    bandwidths = [level.bandwidth_bytes_per_s / 1e9 for level in topology.levels]
    assert bandwidths == pytest.approx([bandwidth for _, _, bandwidth in levels])


@pytest.mark.parametrize("name", NAMES)
def test_scale_out_latency_is_microseconds(name: str) -> None:
    """Texts that say milliseconds mean hundreds of kilometres; EFA was measured at 16 us."""
    for level in build_topology(load(name)).levels:
        if level.kind is not LevelKind.SCALE_ACROSS:
            assert 0 < level.latency_s <= 16e-6


@pytest.mark.parametrize("name", NAMES)
def test_survives_json(name: str) -> None:
    cluster = load(name)
    assert ClusterSpec.model_validate_json(cluster.model_dump_json()) == cluster


@pytest.mark.parametrize("name", NAMES)
def test_host_names_are_distinct(name: str) -> None:
    topology = build_topology(load(name))
    names = topology.host_names(range(topology.num_hosts))
    assert len(set(names)) == topology.num_hosts


def test_llama3_pods_have_the_published_bandwidth() -> None:
    """7:1 above pods of 3,072 leaves 50 / 7 GB/s per accelerator, 21.9 TB/s per pod."""
    topology = build_topology(load("meta-roce-24k"))
    assert topology.bottleneck_levels() == (2,)
    assert topology.uplink_bytes_per_s(2) == pytest.approx([3072 * 50e9 / 7] * 8)


def test_gb200_rack_egress_is_3_6_terabytes() -> None:
    """18 trays x 4 x 400 Gbit/s (jax-ml/scaling-book, gpus.md)."""
    topology = build_topology(load("gb200-superpod-576"))
    assert topology.uplink_bytes_per_s(0) == pytest.approx([3.6e12] * 8)
