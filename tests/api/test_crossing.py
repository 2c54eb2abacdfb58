"""A small crossover study: who wins where, as text, Markdown, data and a map."""

from __future__ import annotations

import json
from functools import cache
from xml.etree import ElementTree as ET

import pytest
from plan_samples import DENSE_MODEL
from site_samples import sites_cluster

from placer import api
from placer.compare.crossover import Crossover
from placer.errors import InputError
from placer.plan.strategy import CrossSiteMode
from placer.report.crossover.document import crossover_json
from placer.report.crossover.markdown import crossover_markdown
from placer.report.crossover.picture import crossover_svg
from placer.report.crossover.terminal import render_crossover
from placer.report.crossover.words import COLOURS, RANKINGS, gain, told
from placer.report.svg.ramp import contrast


@cache
def study() -> Crossover:
    """Two sites of 16 GPUs, a thin and a thick link, near and far."""
    grid = api.link_grid(("100 Mbit/s", "6.4 Tbit/s"), ("1000 km", "10 km"))
    return api.crossover(
        DENSE_MODEL,
        sites_cluster(2, 2),
        api.RunOptions(global_batch_size=64, seq_len=2048),
        api.SearchOptions(gap=0.05, top=1),
        grid=grid,
    )


def test_cells_come_by_bandwidth_then_distance() -> None:
    found = study()
    assert found.bandwidths == (1.25e7, 8e11)
    assert found.distances == (1e4, 1e6)
    places = [(cell.bandwidth_bytes_per_s, cell.distance_m) for cell in found.cells]
    assert places == [(b, d) for b in found.bandwidths for d in found.distances]


def test_a_thin_link_is_left_alone_and_a_thick_one_used() -> None:
    thin, thick = study().cell(0, 1).synchronous, study().cell(1, 0).synchronous
    assert thin is not None
    assert thin.mode is CrossSiteMode.NONE
    assert thick is not None
    assert thick.mode is CrossSiteMode.SYNC_DP
    speed_up = gain(study().cell(1, 0), RANKINGS[0])
    assert speed_up is not None
    assert 1.5 < speed_up <= 2.0


def test_more_bandwidth_and_less_distance_are_never_slower() -> None:
    """Each search is proven within 5 %."""
    found = study()
    for better, worse in (((1, 0), (0, 0)), ((1, 1), (0, 1)), ((0, 0), (0, 1)), ((1, 0), (1, 1))):
        fast, slow = found.cell(*better).synchronous, found.cell(*worse).synchronous
        assert fast is not None
        assert slow is not None
        assert fast.step_time_s <= slow.step_time_s * 1.05


def test_every_form_tells_the_same() -> None:
    found = study()
    expected = told(found.cell(1, 0), RANKINGS[0])
    page, markdown = render_crossover(found), crossover_markdown(found)
    assert expected in page
    assert f"| {expected} |" in markdown
    assert max(len(line) for line in page.splitlines()) <= 100
    cells = json.loads(crossover_json(found))["cells"]
    assert [cell["synchronous_winner"] for cell in cells][2] == "sync_dp"


def test_the_map_is_a_picture_with_a_cell_for_every_question() -> None:
    root = ET.fromstring(crossover_svg(study()))
    boxes = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("class") == "edge"]
    assert len(boxes) == 2 * len(study().cells)
    assert crossover_svg(study()) == crossover_svg(study())


def test_colours_are_told_apart_from_paper_and_each_other() -> None:
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert all(contrast(colour, "#ffffff") > 1.7 for colour in COLOURS.values())


def test_a_cluster_of_one_site_is_refused() -> None:
    with pytest.raises(InputError, match="several sites with links between them"):
        api.crossover(DENSE_MODEL, sites_cluster(2))


def test_bad_grids_are_named() -> None:
    with pytest.raises(InputError) as caught:
        api.link_grid(("400", "0 Gbit/s"), ("10 ms",))
    assert [problem.source for problem in caught.value.problems] == [
        "--bandwidth",
        "--bandwidth",
        "--distance",
    ]
