"""The accelerator catalogue: every entry loads, conventions hold, contradictions are settled."""

import pytest

from placer.errors import InputError
from placer.spec.accelerator import Accelerator, accelerator_keys, load_accelerator
from placer.spec.interconnect import DomainShape

PARTS = [load_accelerator(key) for key in accelerator_keys()]


def ids(part: Accelerator) -> str:
    return part.key


@pytest.mark.parametrize("part", PARTS, ids=ids)
def test_figures_are_plausible(part: Accelerator) -> None:
    assert 1e14 < part.bf16_flops_per_s < 1e16
    assert part.sources
    assert 0.7 < part.hbm_usable_bytes / part.hbm_bytes < 1.1
    assert 1e11 < part.hbm_bytes_per_s < 3e13
    assert part.scale_up.size % part.gpus_per_host == 0 or part.gpus_per_host >= part.scale_up.size
    assert 1e11 < part.scale_up.bandwidth_bytes_per_s < 2e12


@pytest.mark.parametrize("part", PARTS, ids=ids)
def test_nothing_beats_its_peak(part: Accelerator) -> None:
    pairs = [
        (part.bf16_achievable_flops_per_s, part.bf16_flops_per_s),
        (part.fp8_achievable_flops_per_s, part.fp8_flops_per_s),
    ]
    for best, peak in pairs:
        assert best is None or (peak is not None and best < peak)


@pytest.mark.parametrize("part", PARTS, ids=ids)
def test_only_a_torus_has_sides(part: Accelerator) -> None:
    assert bool(part.scale_up.dims) == (part.scale_up.shape is DomainShape.TORUS)


@pytest.mark.parametrize(
    ("key", "scale_up_gb_per_s"),
    [("h100_sxm", 450), ("h800_sxm", 200), ("gb200", 900), ("a100_80g_sxm", 300), ("mi300x", 448)],
)
def test_scale_up_bandwidth_is_one_direction(key: str, scale_up_gb_per_s: float) -> None:
    port = load_accelerator(key).scale_up
    assert port.bandwidth_bytes_per_s == pytest.approx(scale_up_gb_per_s * 1e9)


def test_peaks_are_dense() -> None:
    """720 PFLOP/s of FP8 per NVL72 rack are with sparsity; 72 x 5 = 360 without."""
    assert load_accelerator("gb200").fp8_flops_per_s == pytest.approx(360e15 / 72)


def test_unknown_part_suggests_its_variants() -> None:
    with pytest.raises(InputError, match="a100_40g_sxm or a100_80g_sxm"):
        load_accelerator("a100")
