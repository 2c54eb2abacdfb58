"""The page of a plan."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL
from report_samples import NASTY
from site_samples import sites_cluster

import placer
from placer.api import Configuration, Report, RunOptions, SearchOptions, estimate, report
from placer.plan.plan import Alternative, Plan
from placer.plan.strategy import CrossSiteMode
from placer.search.across.request import SiteRequest
from placer.spec.run import RunSpec

RUN = RunSpec(global_batch_size=256, seq_len=4096)
DENSE = estimate(DENSE_MODEL, LAB, Configuration(tp=4, pp=4, vpp=2), RUN)
SECTIONS = [
    "Why this plan",
    "Where the time goes",
    "Where everything sits",
    "Memory",
    "Stages and layers",
    "A step, played",
    "Traffic",
    "What else was possible",
    "What would help",
    "What was assumed",
]


@pytest.fixture(scope="module")
def made() -> Report:
    return report(DENSE)


def headings(html: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", html)


def test_sections_stand_in_the_order_a_reader_asks(made: Report) -> None:
    assert headings(made.html) == SECTIONS


def test_the_main_figures_stand_at_the_top(made: Report) -> None:
    head = made.html.partition("<nav")[0]

    assert "tp4 cp1 pp4 vpp2 dp8" in head
    assert "per step" in head
    assert "Estimated as given: nothing was searched." in head


def test_each_picture_is_on_the_page_and_a_file(made: Report) -> None:
    names = [picture.name for picture in made.pictures]

    assert names == ["time", "memory", "placement", "pipeline", "traffic", "sensitivity"]
    assert re.findall(r'<figure id="figure-(.*?)">', made.html) == [
        "time",
        "placement",
        "memory",
        "pipeline",
        "traffic",
        "sensitivity",
    ]
    assert all(picture.svg.startswith("<svg ") for picture in made.pictures)


def test_what_is_assumed_is_told_with_its_source(made: Report) -> None:
    assert "Constants of the cost model, with their sources" in made.html
    for constant in DENSE.provenance.constants:
        assert f'<td data-column="name">{constant.name}</td>' in made.html


def test_same_plan_same_bytes(made: Report) -> None:
    again = report(DENSE)

    assert again == made


def test_nothing_points_outside(made: Report) -> None:
    outside = re.findall(r'(?:href|src)="(?!#|data:)[^"]*"', made.html)

    assert not outside
    assert "<script" not in made.html


def test_texts_of_users_do_not_break_out() -> None:
    cluster = DENSE.cluster.model_copy(update={"description": NASTY, "assumed": (NASTY,)})
    restricted = replace(DENSE.provenance, restrictions=(NASTY,), assumptions=(NASTY,))
    html = report(replace(DENSE, cluster=cluster, provenance=restricted)).html

    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html


def searched() -> Plan:
    options = SearchOptions(top=2, gap=0.05)
    return placer.plan(MOE_MODEL, LAB, RunOptions(global_batch_size=256, seq_len=4096), options)


def test_a_searched_plan_shows_its_proof_and_what_comes_next() -> None:
    plan = searched()
    made = report(plan)
    alternatives: tuple[Alternative, ...] = plan.alternatives

    assert headings(made.html) == SECTIONS
    assert "of the fastest plan there is" in made.html
    assert "What the search did" in made.html
    assert "expert parallel (ep)" in made.html
    assert ("alternatives" in [p.name for p in made.pictures]) is bool(alternatives)
    assert "The next best plan takes" in made.html


def test_a_plan_over_sites_tells_what_crosses_and_plays_no_lone_step() -> None:
    """Sites that exchange every so many steps have no step that stands for all."""
    request = SiteRequest(modes=(CrossSiteMode.DILOCO,))
    run = RunOptions(global_batch_size=64, seq_len=4096, framework="any")
    options = SearchOptions(top=1, gap=0.05)
    plan = placer.plan(DENSE_MODEL, sites_cluster(2, 2), run, options, sites=request)
    made = report(plan)

    assert "Between sites" in headings(made.html)
    assert "Traffic" not in headings(made.html)
    assert "so none is played" in made.html
    assert "pipeline" not in [picture.name for picture in made.pictures]
    assert "What may cross between the sites" in made.html


def test_a_plan_that_does_not_fit_says_so_first() -> None:
    big = estimate(DENSE_MODEL, LAB, Configuration(tp=1, pp=1, micro_batch_size=32), RUN)
    assert not big.estimate.fits
    head = report(big).html.partition("<nav")[0]

    assert "DOES NOT FIT" in head
