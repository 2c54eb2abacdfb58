"""``report``: everything about a plan on one page, and its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.api.explaining import explain
from placer.report.html.plan_page import plan_page
from placer.report.plan_figures import Findings, draw_plan
from placer.report.svg.figure import standalone_svg
from placer.simulate.simulation import simulate_plan

if TYPE_CHECKING:
    from placer.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: its name, without an ending, and its SVG text."""

    name: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A page that needs no other file, and the pictures on it as files of their own."""

    html: str
    pictures: tuple[Picture, ...]


def report(plan: Plan) -> Report:
    """Tell everything about a plan: why it is as it is, where everything sits, what was assumed.

    Parameters
    ----------
    plan
        The plan; nothing else is read.

    Returns
    -------
    Report
        The page and its pictures; equal plans give equal bytes.

    Raises
    ------
    InputError
        When the plan contradicts itself, or its framework is unknown here.
    """
    explanation = explain(plan)
    one_step = not plan.strategy.cross_site.is_asynchronous
    found = Findings(explanation=explanation, simulation=simulate_plan(plan) if one_step else None)
    figures = draw_plan(found)
    pictures = tuple(Picture(name=one.name, svg=standalone_svg(one)) for one in figures.every)
    return Report(html=plan_page(found, figures), pictures=pictures)
