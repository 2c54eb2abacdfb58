"""What a framework can run of sites that train apart binds the search, not only the emitter."""

from __future__ import annotations

import pytest
from plan_samples import DENSE_MODEL
from site_samples import sites_cluster

from placer import api
from placer.errors import InputError
from placer.plan.site_shares import usual_arrangement
from placer.plan.strategy import CrossSiteMode

CLUSTER = sites_cluster(2, 2, gbit_per_s=800.0)
OPTIONS = api.SearchOptions(gap=0.05, top=1)


def ask(framework: str, mode: str, bits: int | None) -> tuple[str, ...]:
    run = api.RunOptions(global_batch_size=64, seq_len=2048, framework=framework)
    sites = api.SiteRequest(modes=api.site_modes((mode,)), outer_bits=bits)
    found = api.plan(DENSE_MODEL, CLUSTER, run, OPTIONS, sites)
    assert found.strategy.cross_site.mode.value == mode
    return found.launchable_by


@pytest.mark.parametrize(
    ("framework", "mode", "bits"),
    [
        ("torchtitan", "diloco", 8),
        ("torchtitan", "streaming_diloco", 32),
        ("maxtext", "diloco", 32),
    ],
)
def test_what_is_planned_for_a_framework_can_be_launched_by_it(
    framework: str, mode: str, bits: int
) -> None:
    assert framework in ask(framework, mode, bits)


def test_formats_a_framework_does_not_send_are_refused_with_those_it_does() -> None:
    with pytest.raises(InputError, match="Add --outer-bits 8 or 32"):
        ask("torchtitan", "diloco", None)


def test_without_a_framework_anything_goes() -> None:
    assert ask("any", "streaming_diloco", 4) == ()


@pytest.mark.parametrize("inner_steps", [1, 7, 30, 100, 300])
@pytest.mark.parametrize("layers", [1, 32, 126])
def test_fragments_divide_the_inner_steps(inner_steps: int, layers: int) -> None:
    """torchft 0.2.0, local_sgd.py: equal distances, each synchronised before the next."""
    arranged = usual_arrangement(
        CrossSiteMode.STREAMING_DILOCO,
        inner_steps=inner_steps,
        outer_bits=None,
        num_layers=layers,
    )
    assert arranged.fragments is not None
    assert arranged.overlap_steps is not None
    assert inner_steps % arranged.fragments == 0
    assert 1 <= arranged.overlap_steps <= max(1, inner_steps // arranged.fragments - 1)
