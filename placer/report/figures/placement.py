"""Where every rank sits: the cluster as nested boxes, coloured by pipeline stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.occupancy import Occupancy, Use, kind_name, occupancy
from placer.report.reach import home
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.svg.nested import Paint, nested
from placer.report.svg.ramp import ramp_colour
from placer.report.tabular import Table, columns

if TYPE_CHECKING:
    from placer.plan.placement import AxisLevels, CellRun
    from placer.plan.plan import Plan

_MOST_STAGES_NAMED: Final = 8
_MOST_PLACES: Final = 6
IDLE_PAINT: Final = {
    Use.IDLE: Paint(css="empty"),
    Use.SPARE: Paint(css="shade"),
    Use.GONE: Paint(css="gone"),
}


def placement_figure(plan: Plan) -> Figure:
    """The map."""
    found, stages = occupancy(plan), plan.strategy.pp

    def paint(kind: int) -> Paint:
        return Paint(colour=stage_colour(kind, stages)) if kind >= 0 else IDLE_PAINT[Use(kind)]

    def draw(width: float) -> Drawing:
        return nested(found.root, width, paint)

    return figure(
        "placement",
        draw,
        finding=_finding(plan),
        note=_note(plan, found),
        table=_table(plan),
        legend=_legend(plan),
    )


def stage_colour(stage: int, stages: int) -> str:
    """Colours from dark (the first stage) to light (the last)."""
    return ramp_colour(0.08 + 0.9 * stage / max(stages - 1, 1))


def _finding(plan: Plan) -> str:
    """How far each kind of traffic has to go."""
    axes = {axis.axis: axis for axis in plan.placement.axis_levels}
    strategy = plan.strategy
    words = (
        ("tp", strategy.tp, "tensor-parallel groups"),
        ("ep", strategy.ep, "expert-parallel groups"),
        ("pp", strategy.pp, "pipelines"),
        ("dp_cp", strategy.dp * strategy.cp, "data-parallel groups"),
    )
    told = [f"{_reach(axes[n], word)}" for n, degree, word in words if n in axes and degree > 1]
    sentence = "; ".join(told) or "one GPU does all"
    return f"{sentence[0].upper()}{sentence[1:]}"


def _reach(axis: AxisLevels, groups: str) -> str:
    """``pipelines stay in one nvlink``, or ``some pipelines cross pod borders``."""
    crossed = [level for level, count in axis.groups_crossing.items() if count]
    if not crossed:
        return f"{groups} stay in one {home(axis)}"
    some = "some " if axis.groups_crossing[crossed[-1]] < axis.groups else ""
    return f"{some}{groups} cross {crossed[-1]} borders"


def _note(plan: Plan, found: Occupancy) -> str:
    looks = ((Use.IDLE, "Empty"), (Use.SPARE, "Shaded"), (Use.GONE, "Grey"))
    uses = "".join(f" {look}: {kind_name(use)}." for use, look in looks if use in found.uses)
    ring = " Ringed: data-parallel replica 0, one whole pipeline." if plan.strategy.dp > 1 else ""
    return (
        f"A tile is {found.tile}, its colour the pipeline stage it holds.{ring}"
        f" Gaps part model-parallel groups. Point at a tile for its ranks.{uses}"
    )


def _legend(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Every stage, or some evenly spaced ones."""
    stages = plan.strategy.pp
    if stages <= _MOST_STAGES_NAMED:
        shown = list(range(stages))
    else:
        steps = _MOST_STAGES_NAMED - 1
        shown = sorted({round(i * (stages - 1) / steps) for i in range(steps + 1)})
    return tuple((stage_colour(stage, stages), f"stage {stage}") for stage in shown)


def _table(plan: Plan) -> Table:
    """Where the cells of each stage are."""
    rows = []
    for stage in range(plan.strategy.pp):
        runs = [run for run in plan.placement.cells if run.stage == stage]
        gpus = sum(run.num_cells for run in runs) * plan.strategy.cell_gpus
        rows.append((str(stage), f"{gpus:,}", _places(runs)))
    return Table(
        caption="Where each pipeline stage sits",
        columns=columns("stage", "GPUs>", "in"),
        rows=tuple(rows),
    )


def _places(runs: list[CellRun]) -> str:
    """The pods that hold a stage, or where there is one pod, its domains."""
    pods = sorted({run.pod for run in runs}, key=_natural)
    names = pods if len(pods) > 1 else sorted({run.domain for run in runs}, key=_natural)
    more = f" and {len(names) - _MOST_PLACES} more" if len(names) > _MOST_PLACES else ""
    return ", ".join(names[:_MOST_PLACES]) + more


def _natural(name: str) -> tuple[str, int, str]:
    """Names with their first number in order: su2 before su10."""
    head = name.rstrip("0123456789")
    tail = name[len(head) :]
    return head, int(tail) if tail else -1, name
