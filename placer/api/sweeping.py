"""``sweep``: many layouts from one template, each solved once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from placer import __version__
from placer.api.executors import Executor, InThisProcess
from placer.api.question import RunOptions, ask, complete_run
from placer.api.solving import LayoutTask, layout_task, searched
from placer.compare.economics.cost import cost_of
from placer.compare.economics.prices import Prices, load_prices
from placer.compare.fabric.counting import inventory
from placer.compare.sweep.axes import Axis, Point, applied, label, points
from placer.compare.sweep.result import Footprint, Gain, Sweep, SweepRow
from placer.errors import InfeasibleError, InputError, Problem
from placer.importers.model_source import load_model
from placer.search.options import SearchOptions
from placer.spec.catalogue import CatalogueKind, resolve_input
from placer.spec.cluster import ClusterSpec
from placer.spec.source_text import SourceText
from placer.spec.yaml_source import load_mapping, mapping_of, validate_mapping
from placer.topology.build import build_topology
from placer.topology.stronger import improvements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from placer.compare.sweep.solved import SolvedLayout
    from placer.compare.sweep.store import Store
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

USUAL_GAP: Final = 0.01
A_TENTH_MORE: Final = 1.1
SENSITIVITY_GAP: Final = 1e-3
"""Gains are differences of two optima, each known this well."""


class SweepListener(Protocol):
    """What wants to hear how far a sweep is."""

    def __call__(self, num_done: int, num_questions: int, num_known: int, /) -> None:
        """So many of the questions are answered; ``num_known`` were in the store already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """One combination: the cluster it makes, or what is wrong with it."""

    point: Point
    cluster: ClusterSpec | None
    num_gpus: int = 0
    footprint: Footprint | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def refusal(self) -> str:
        """What is wrong, one problem per line."""
        return str(InputError(self.problems))


def sweep(
    model: str | Path | ModelSpec,
    template: str | Path,
    axes: Sequence[Axis],
    run: RunOptions | None = None,
    options: SearchOptions | None = None,
    *,
    calibration: str | Path | None = None,
    executor: Executor | None = None,
    store: Store | None = None,
    prices: str | Path | Prices | None = None,
    sensitivity: bool = False,
    listener: SweepListener | None = None,
) -> Sweep:
    """Solve every layout that a template makes with the values of its axes.

    Parameters
    ----------
    model
        A name of the catalogue, a file, or the object itself.
    template
        A cluster of the catalogue or a file, whose fields the axes change.
    axes
        What varies; see ``placer.compare.sweep.axes.parse_axes``.
    run
        Batch, sequence, precision, framework: the same for all layouts. What is None placer
        chooses, for the largest of them.
    options
        Limits and restrictions of each search.
    calibration
        A file of `placer calibrate`.
    executor
        Where layouts are solved; this process when None.
    store
        Where answers are kept and looked up; nowhere when None.
    prices
        A file of prices, or the object itself; what travels with placer when None.
    sensitivity
        Whether to ask what a tenth more of each resource buys the best layout.
    listener
        Hears of each answer.

    Returns
    -------
    Sweep
        A layout that makes no cluster or holds no plan is a row that says why. An interrupt
        (Ctrl-C) leaves open what was not solved.

    Raises
    ------
    InputError
        When an input is wrong, or no combination makes a cluster.
    """
    model_spec = model if not isinstance(model, (str, Path)) else load_model(str(model))[0]
    options = options or SearchOptions(gap=USUAL_GAP, top=1)
    priced = prices if isinstance(prices, Prices) else load_prices(prices)
    path = resolve_input(str(template), CatalogueKind.CLUSTER).path
    layouts = _layouts(path, axes, options, priced)
    largest = max(layout.num_gpus for layout in layouts)
    fixed, assumptions = complete_run(run or RunOptions(), model_spec, largest)
    shared = _Shared(
        model=model_spec,
        run=fixed,
        options=options,
        calibration=None if calibration is None else Path(calibration),
    )
    tasks = [shared.task(layout) for layout in layouts]
    unique = {task.key: task for task in tasks if isinstance(task, LayoutTask)}
    answers = _answers(unique, executor or InThisProcess(), store, listener)
    rows = tuple(
        _row(index, layout, task, answers)
        for index, (layout, task) in enumerate(zip(layouts, tasks, strict=True))
    )
    found = Sweep(
        model=model_spec.name,
        template=str(template),
        axes=tuple(axes),
        assumptions=assumptions,
        currency=priced.currency,
        gap=options.gap,
        rows=rows,
        num_questions=len(unique),
        placer_version=__version__,
    )
    if sensitivity and found.best is not None and not found.num_open:
        found = replace(found, gains=shared.gains(layouts[found.best.index]))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What all layouts are asked alike."""

    model: ModelSpec
    run: RunSpec
    options: SearchOptions
    calibration: Path | None

    def task(self, layout: _Layout) -> LayoutTask | str:
        """The task of a layout, or why there is none."""
        if layout.cluster is None:
            return layout.refusal
        try:
            return layout_task(self.model, layout.cluster, self.run, self.options, self.calibration)
        except InputError as error:
            return str(error)

    def gains(self, layout: _Layout) -> tuple[Gain, ...]:
        """What a tenth more of each resource buys a layout, largest gain first."""
        assert layout.cluster is not None
        options = replace(self.options, gap=min(self.options.gap, SENSITIVITY_GAP))
        question = ask(self.model, layout.cluster, self.run, options.max_gpus, self.calibration)
        base = searched(question, options).best.estimate.tokens_per_s
        gains = []
        for better in improvements(question.topology, A_TENTH_MORE):
            raised = replace(question, topology=better.topology)
            tokens_per_s = searched(raised, options).best.estimate.tokens_per_s
            gains.append(Gain(resource=better.name, gain=max(0.0, tokens_per_s / base - 1.0)))
        return tuple(sorted(gains, key=lambda gain: -gain.gain))


def _layouts(
    path: Path, axes: Sequence[Axis], options: SearchOptions, prices: Prices
) -> list[_Layout]:
    """Every combination as a cluster; raises when none is one."""
    document = load_mapping(path).data
    layouts = [
        _layout(path.name, applied(document, axes, point), point, options, prices)
        for point in points(axes)
    ]
    if all(layout.cluster is None for layout in layouts):
        values = label(axes, layouts[0].point)
        source = f"{path.name} with {values}" if values else path.name
        raise InputError(replace(problem, source=source) for problem in layouts[0].problems)
    return layouts


def _layout(
    template: str,
    document: Mapping[str, object],
    point: Point,
    options: SearchOptions,
    prices: Prices,
) -> _Layout:
    file = SourceText(name=f"{template}.json", text=json.dumps(document), sha256="")
    try:
        cluster = validate_mapping(mapping_of(file), ClusterSpec)
    except InputError as error:
        return _Layout(point=point, cluster=None, problems=_unmarked(template, error))
    usable = build_topology(cluster).num_usable
    num_gpus = min(usable, options.max_gpus or usable)
    return _Layout(
        point=point, cluster=cluster, num_gpus=num_gpus, footprint=_footprint(cluster, prices)
    )


def _footprint(cluster: ClusterSpec, prices: Prices) -> Footprint | None:
    try:
        parts = inventory(cluster)
    except InfeasibleError:
        return None
    bill = cost_of(parts, prices)
    return Footprint(
        power_w=parts.power.total_w,
        purchase=bill.purchase,
        cost_per_hour=bill.per_hour,
        num_switches=parts.num_switches,
        num_modules=parts.num_modules,
    )


def _unmarked(template: str, error: InputError) -> tuple[Problem, ...]:
    """Problems of a changed template: its lines are not those of the file."""
    return tuple(
        replace(problem, source=template, line=None, column=None) for problem in error.problems
    )


def _answers(
    unique: Mapping[str, LayoutTask],
    executor: Executor,
    store: Store | None,
    listener: SweepListener | None,
) -> dict[str, SolvedLayout]:
    """The answer to each question, from the store where it is there; an interrupt ends it early."""
    answers: dict[str, SolvedLayout] = {}
    if store is not None:
        known = ((key, store.find(key)) for key in unique)
        answers = {key: answer for key, answer in known if answer is not None}
    num_known = len(answers)
    if listener is not None:
        listener(num_known, len(unique), num_known)
    try:
        for answer in executor.solved([t for key, t in unique.items() if key not in answers]):
            answers[answer.key] = answer
            if store is not None and not answer.wall_clock_cut:
                store.keep(answer)
            if listener is not None:
                listener(len(answers), len(unique), num_known)
    except KeyboardInterrupt:
        return answers
    return answers


def _row(
    index: int, layout: _Layout, task: LayoutTask | str, answers: Mapping[str, SolvedLayout]
) -> SweepRow:
    answer = None if isinstance(task, str) else answers.get(task.key)
    refusal = task if isinstance(task, str) else None if answer is None else answer.refusal
    return SweepRow(
        index=index,
        point=layout.point,
        num_gpus=layout.num_gpus,
        footprint=layout.footprint,
        plan=None if answer is None else answer.plan,
        refusal=refusal,
    )
