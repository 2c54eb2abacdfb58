"""The report of a plan: the order of its parts is the order a reader asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rich.text import Text

from placer.report.accounts import simulated_table
from placer.report.binding import findings
from placer.report.groups import groups_table
from placer.report.side_work import loads_table, works_table, works_title
from placer.report.sites import options_table, site_lines
from placer.report.text.alternatives import alternatives_table
from placer.report.text.assumptions import assumption_lines
from placer.report.text.breakdown import breakdown_table
from placer.report.text.canvas import WIDTH, drawn, lines, rendered, section
from placer.report.text.effort import effort_lines
from placer.report.text.headline import headline
from placer.report.text.layers import layers_line
from placer.report.text.memory import memory_table, memory_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from placer.plan.plan import Plan


_MOST_OPTIONS: Final = 8


def render_plan(
    plan: Plan,
    *,
    wall_s: float | None = None,
    saved_as: str = "",
    colour: bool = False,
    width: int = WIDTH,
) -> str:
    """The report as text.

    Parameters
    ----------
    plan
        The plan to tell about.
    wall_s
        Time from command to answer; left out when None, so that the text depends on the plan only.
    saved_as
        File the plan was written to, for the commands that come next.
    colour
        Whether the reader is a terminal that wants colour.
    width
        Columns a line may have.
    """
    return rendered(_parts(plan, wall_s, saved_as), colour=colour, width=width)


def _parts(plan: Plan, wall_s: float | None, saved_as: str) -> Iterator[RenderableType]:
    yield from headline(plan)
    yield section("Where the time goes", breakdown_table(plan.estimate))
    yield section("What binds", lines(findings(plan)))
    yield section("Where the groups sit", drawn(groups_table(plan)))
    if plan.strategy.cross_site.shares:
        yield section("Between sites", lines(site_lines(plan)), *_options(plan))
    if plan.side_work is not None:
        yield section(works_title(plan.side_work), drawn(works_table(plan.side_work)))
        loads = loads_table(plan.side_work)
        if loads.rows:
            yield section("Links on average", drawn(loads))
    yield section("Layers", lines([layers_line(plan.placement.pipeline_layout)]))
    yield section(memory_title(plan.estimate), memory_table(plan.estimate))
    if plan.alternatives:
        yield section("Next best plans", alternatives_table(plan))
    if plan.simulated:
        yield section("Played event by event", drawn(simulated_table(plan)))
    yield section("What was assumed", lines(assumption_lines(plan)))
    if plan.bound is not None:
        yield section("Search", lines(effort_lines(plan, plan.bound, wall_s)))
    yield section("Next", lines(next_steps(plan, saved_as)))


def _options(plan: Plan) -> Iterator[RenderableType]:
    """The arrangements of the sites that matter most."""
    if plan.cross_site_options:
        options = options_table(plan)
        yield drawn(replace(options, rows=options.rows[:_MOST_OPTIONS]))
        if len(options.rows) > _MOST_OPTIONS:
            yield Text(f"{len(options.rows) - _MOST_OPTIONS} more, in the plan file")


def next_steps(plan: Plan, saved_as: str) -> tuple[str, ...]:
    """Commands that follow."""
    file = saved_as or "plan.json"
    save = () if saved_as else ("Save the plan: add -o plan.json to this command.",)
    launch = tuple(
        f"placer emit {file} --framework {target} --launcher slurm -o launch"
        for target in plan.launchable_by[:1]
    )
    return (*save, *launch, f"placer explain {file}", f"placer report {file} -o report.html")
