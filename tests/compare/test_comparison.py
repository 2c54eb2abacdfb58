"""Layouts compared: order, ratios, and the terms that explain them."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from compare_samples import OPTIONS, RUN, layout
from plan_samples import DENSE_MODEL

import placer
from placer.api import RankBy
from placer.cli import app as app_module
from placer.compare.comparison import Comparison, Layout
from placer.compare.difference import IDLE, difference_of, gpu_seconds_per_token
from placer.compare.ranking import ranked
from placer.errors import InputError
from placer.report.comparison.document import comparison_json
from placer.report.comparison.markdown import comparison_markdown
from placer.report.comparison.page import comparison_page
from placer.report.comparison.terminal import render_comparison
from placer.spec.run import Precision

SLOW = layout("slow", nic="100 Gbit/s", oversubscription=8)
FAST = layout("fast")
SMALL = layout("small", pods=1)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    tiny = layout("tiny", pods=1, hosts_per_pod=1, accelerator="a100_40g_sxm")
    huge = DENSE_MODEL.model_copy(update={"num_layers": 256, "hidden_size": 8192})
    return placer.compare(huge, [SLOW, FAST, tiny], RUN, OPTIONS)


def by_name(comparison: Comparison) -> dict[str, Layout]:
    return {row.layout.name: row.layout for row in comparison.rows}


def test_best_first_and_what_does_not_fit_last_with_its_reason(comparison: Comparison) -> None:
    assert [row.layout.name for row in comparison.rows] == ["fast", "slow", "tiny"]
    fast, slow, tiny = comparison.rows
    assert fast.ratio is not None
    assert fast.ratio > 1.0
    assert slow.ratio == 1.0
    assert tiny.ratio is None
    assert tiny.layout.plan is None
    assert "memory" in tiny.layout.reason


def test_terms_sum_to_the_difference(comparison: Comparison) -> None:
    fast = comparison.rows[0]
    assert fast.difference is not None
    assert fast.ratio is not None
    assert math.fsum(term.share for term in fast.difference.terms) == pytest.approx(
        fast.difference.total
    )
    assert 1.0 + fast.difference.total == pytest.approx(1.0 / fast.ratio)
    assert all(term.share < 0.0 for term in fast.difference.telling)


def test_accelerators_left_idle_cost_their_time(comparison: Comparison) -> None:
    whole = by_name(comparison)["fast"]
    half = replace(whole, num_gpus=2 * whole.num_gpus, share=1.0)
    terms = gpu_seconds_per_token(half)
    assert terms is not None
    assert terms[IDLE] == pytest.approx(sum(terms.values()) / 2.0)
    difference = difference_of(whole, half)
    assert difference is not None
    assert difference.total == pytest.approx(1.0)
    assert [term.name for term in difference.telling] == [IDLE]


def test_the_same_layout_does_not_differ(comparison: Comparison) -> None:
    fast = by_name(comparison)["fast"]
    difference = difference_of(fast, fast)
    assert difference is not None
    assert difference.total == 0.0
    assert difference.telling == ()


def test_a_larger_layout_may_win_by_tokens_and_lose_by_accelerator() -> None:
    compared = placer.compare(DENSE_MODEL, [FAST, SMALL], RUN, OPTIONS)
    assert compared.rows[0].layout.name == "small"
    layouts = [row.layout for row in compared.rows]
    assert "--equal gpus" in render_comparison(compared)
    rows = ranked(layouts, layouts[0], RankBy.TOKENS)
    assert rows[0].layout.name == "fast"


def test_equal_layouts_keep_their_order_and_are_told_apart() -> None:
    compared = placer.compare(DENSE_MODEL, [SMALL, SMALL], RUN, OPTIONS)
    assert [row.layout.name for row in compared.rows] == ["small#1", "small#2"]
    assert [row.ratio for row in compared.rows] == [1.0, 1.0]


def test_the_batch_is_that_of_the_largest_layout() -> None:
    small = layout("one", pods=1, hosts_per_pod=1)
    compared = placer.compare(DENSE_MODEL, [small, SMALL], options=OPTIONS)
    assert compared.run.global_batch_size == 32  # 16M tokens * 16 / 1,024 GPUs / 8,192
    assert len(compared.assumptions) == 2


@pytest.mark.slow
def test_processes_change_nothing() -> None:
    one = placer.compare(DENSE_MODEL, [SLOW, FAST], RUN, OPTIONS)
    two = placer.compare(DENSE_MODEL, [SLOW, FAST], RUN, OPTIONS, processes=2)
    assert comparison_json(one) == comparison_json(two)


def test_a_format_that_one_layout_lacks_is_a_reason() -> None:
    run = RUN.model_copy(update={"precision": Precision.MXFP8})
    new = layout("new", pods=1, accelerator="b200_sxm")
    compared = placer.compare(DENSE_MODEL, [SMALL, new], run, OPTIONS)
    assert [row.layout.name for row in compared.rows] == ["new", "small"]
    assert "computes in" in compared.rows[1].layout.reason
    assert compared.rows[0].ratio is None
    with pytest.raises(InputError, match="computes in"):
        placer.compare(DENSE_MODEL, [SMALL], run, OPTIONS)


def test_all_that_is_wrong_with_the_layouts_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        placer.compare(DENSE_MODEL, ["dgx-h100-superpod-16", "nowhere", "gb200-nvl72"], RUN)
    assert len(caught.value.problems) == 2
    with pytest.raises(InputError, match="at least one layout"):
        placer.compare(DENSE_MODEL, [], RUN)


def test_an_unknown_reference_is_refused() -> None:
    with pytest.raises(InputError, match="one of small, fast"):
        placer.compare(DENSE_MODEL, [SMALL, FAST], RUN, OPTIONS, reference="smol")


def test_renderings_say_the_same(comparison: Comparison) -> None:
    text = render_comparison(comparison)
    assert max(len(line) for line in text.splitlines()) <= 100
    data = json.loads(comparison_json(comparison))
    assert data["schema"] == "placer.compare/v1"
    assert [row["cluster"] for row in data["rows"]] == ["fast", "slow", "tiny"]
    assert data["rows"][0]["plan"]["schema"] == "placer.plan/v1"
    assert data["rows"][2]["plan"] is None
    assert f"{data['rows'][0]['ratio']:.2f}x slow" in text
    assert "Without a plan" in text


def test_ranking_by_energy_and_money(tmp_path: Path) -> None:
    new = layout("new", accelerator="b200_sxm")
    unpublished = layout("unpublished", accelerator="mi300x", scale_up={})
    layouts = [FAST, new, unpublished]
    compared = placer.compare(DENSE_MODEL, layouts, RUN, OPTIONS, rank_by=RankBy.JOULE)
    assert compared.rows[-1].layout.name == "unpublished"
    assert compared.rows[-1].ratio is None
    first, second = (row.layout.joules_per_token for row in compared.rows[:2])
    assert first is not None
    assert second is not None
    assert first < second
    with pytest.raises(InputError, match=r"accelerators.h100_sxm"):
        placer.compare(DENSE_MODEL, [FAST], RUN, OPTIONS, rank_by=RankBy.DOLLAR)
    prices = tmp_path / "prices.yaml"
    prices.write_text("rent_per_hour: {h100_sxm: 1, b200_sxm: 100}")
    compared = placer.compare(
        DENSE_MODEL, [FAST, new], RUN, OPTIONS, rank_by=RankBy.DOLLAR, prices=prices
    )
    assert compared.rows[0].layout.name == "fast"
    cost = compared.rows[0].layout.cost_per_million_tokens
    speed = compared.rows[0].layout.tokens_per_s
    assert speed is not None
    assert cost == pytest.approx(64 / 3600 / speed * 1e6)
    assert "100.00x the cost of an accelerator-hour" in " ".join(
        render_comparison(compared).split()
    )


def test_a_page_and_markdown_hold_every_layout() -> None:
    spec = layout("other")
    compared = placer.compare(DENSE_MODEL, [FAST, spec], RUN, OPTIONS, tokens=1e12)
    html, text = comparison_page(compared), comparison_markdown(compared)
    for row in compared.rows:
        assert row.layout.name in html
        assert f"| {row.layout.name} |" in text
    assert "<script" not in html
    assert comparison_page(compared) == html
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert min(widths) >= 3


def test_the_command_ranks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    question = ["llama-3.1-8b", "lab-8x-h100", "gb200-nvl72", "--gpus", "8", "--json"]
    options = ["--global-batch-size", "16", "--seq-len", "4096", "--processes", "1"]
    monkeypatch.setattr(sys, "argv", ["placer", "compare", *question, *options])
    with pytest.raises(SystemExit) as caught:
        app_module.main()
    assert not caught.value.code
    out, err = capsys.readouterr()
    rows = json.loads(out)["rows"]
    assert [row["cluster"] for row in rows] == ["gb200-nvl72", "lab-8x-h100"]
    assert [row["gpus"] for row in rows] == [8, 8]
    assert "2 of 2: gb200-nvl72" in err
