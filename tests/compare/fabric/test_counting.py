"""Parts of the catalogue's clusters, against what their owners and vendors print."""

from __future__ import annotations

import pytest
from compare_samples import layout, with_medium

from placer.compare.fabric.counting import inventory
from placer.compare.fabric.inventory import Inventory
from placer.spec.catalogue import CatalogueKind, catalogue_names, resolve_input
from placer.spec.cluster import ClusterSpec
from placer.spec.switch import Medium
from placer.spec.yaml_source import load_document


def of(name: str) -> Inventory:
    path = resolve_input(name, CatalogueKind.CLUSTER).path
    return inventory(load_document(path, ClusterSpec))


def switches(counted: Inventory) -> list[tuple[str, int]]:
    return [(tier.level, tier.count) for tier in counted.switches]


def test_a_superpod_of_1024_has_32_leaves_and_16_spines() -> None:
    """jax-ml/scaling-book, gpus.md."""
    assert switches(of("dgx-h100-superpod-1k")) == [("su", 32), ("spine", 16)]


def test_a_superpod_of_4096_has_128_spines_and_64_cores() -> None:
    """jax-ml/scaling-book, gpus.md."""
    assert switches(of("dgx-h100-superpod-4k")) == [("su", 128), ("pod", 128), ("core", 64)]


def test_hpn_has_sixteen_leaves_per_segment() -> None:
    """Qian et al., SIGCOMM 2024: 16 ToR, 68 ports down and 60 up of 128x 400G."""
    counted = of("alibaba-hpn-15k")
    assert counted.switches[0].count == 15 * 16
    uplinks = counted.links[1]
    assert uplinks.count * uplinks.rate_bytes_per_s == 15 * 16 * 60 * 50e9


def test_two_tiers_of_four_planes_join_131072() -> None:
    counted = of("multiplane-131k")
    assert switches(counted) == [("leaf", 4 * 512), ("spine", 4 * 256)]
    assert counted.num_links == 2 * 4 * 131_072


def test_hosts_in_their_switch_s_rack_take_copper() -> None:
    rack, *outer = of("meta-roce-24k").links
    assert (rack.medium, rack.num_modules) == (Medium.COPPER, 0)
    assert {tier.medium for tier in outer} == {Medium.DSP}


def test_power_adds_up() -> None:
    """1,024 H100 by hand: 700 + 575 W each, 48 switches of 747 W, 4,096 modules of 7.5 W."""
    power = of("dgx-h100-superpod-1k").power
    assert power.accelerators_w == 1024 * 700
    assert power.hosts_w == 1024 * 575
    assert power.switches_w == 48 * 747
    assert power.optics_w == pytest.approx(4096 * 7.5)
    assert power.computers_w is not None
    assert power.total_w == pytest.approx(1.12 * power.computers_w)


def test_linear_modules_draw_less() -> None:
    lpo = inventory(with_medium("lpo"))
    assert {tier.medium for tier in lpo.links} == {Medium.LPO}
    dsp = inventory(with_medium("dsp"))
    assert lpo.power.optics_w == pytest.approx(dsp.power.optics_w * 6 / 15)


def test_what_is_not_published_is_not_invented() -> None:
    power = of("cloudmatrix384").power
    assert power.accelerators_w is None
    assert power.total_w is None


@pytest.mark.parametrize("name", catalogue_names(CatalogueKind.CLUSTER))
def test_every_cluster_can_be_counted(name: str) -> None:
    counted = of(name)
    assert counted.num_gpus > 0
    assert all(tier.count > 0 for tier in counted.switches)
    if counted.links:
        assert counted.links[0].count >= counted.num_gpus


def test_oversubscription_saves_switches_and_modules() -> None:
    one, four = inventory(layout(oversubscription=1, pods=16)), inventory(layout(pods=16))
    assert four.num_modules < one.num_modules
    assert four.num_switches <= one.num_switches
