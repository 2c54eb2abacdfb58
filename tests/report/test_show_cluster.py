"""A cluster as a person sees it."""

import pytest
from syrupy.assertion import SnapshotAssertion

from placer.report.show_cluster import WIDTH, render_cluster
from placer.spec.catalogue import CatalogueKind, catalogue_names, resolve_input
from placer.spec.cluster import ClusterSpec
from placer.spec.yaml_source import load_document


def load(name: str) -> ClusterSpec:
    return load_document(resolve_input(name, CatalogueKind.CLUSTER).path, ClusterSpec)


@pytest.mark.parametrize(
    "name",
    [
        "gb200-superpod-576",
        "meta-roce-24k",
        "mixed-a100-h100-4k",
        "h100-degraded-1k",
        "lab-8x-h100",
    ],
)
def test_whole_page(name: str, snapshot: SnapshotAssertion) -> None:
    assert render_cluster(load(name)) == snapshot


@pytest.mark.parametrize("name", catalogue_names(CatalogueKind.CLUSTER))
def test_fits_the_page(name: str) -> None:
    lines = render_cluster(load(name)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) < 120


def test_bandwidth_is_told_as_a_person_thinks_of_it() -> None:
    page = render_cluster(load("gb200-superpod-576"))
    assert "900 GB/s per accelerator, 64.8 TB/s together" in page
    assert "400 Gbit/s (50 GB/s) per accelerator, 3.6 TB/s together" in page


def test_two_sites_and_two_scale_up_levels() -> None:
    cluster = ClusterSpec.model_validate(
        {
            "name": "pair",
            "accelerator": "trainium2",
            "scale_up": {
                "name": "instance",
                "outer": {
                    "name": "ultra",
                    "size": 4,
                    "type": "torus",
                    "dims": [4],
                    "bandwidth": "128 GB/s",
                    "latency": "1.5 us",
                },
            },
            "scale_out": {
                "link": "efa",
                "nic": "200 Gbit/s",
                "levels": [{"name": "hall", "size": 8, "latency": "8 us"}],
            },
            "sites": [{"name": "east", "power": "2 MW"}, {"name": "west"}],
            "links": [
                {"between": ["east", "west"], "bandwidth": "800 Gbit/s", "distance": "1000 km"}
            ],
        }
    )
    page = render_cluster(cluster)
    assert "ultra x 8: 64 accelerators, 4 hosts each" in page
    assert "instance x 4: 16 accelerators each" in page
    assert "east - west  800 Gbit/s each way, 1000 km, 4.90 ms one way" in page
    assert "2 MW in all at PUE 1" in page
    assert "what its accelerators draw is not published" in page
