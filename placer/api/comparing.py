"""``compare``: which cluster layout trains a model best."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from placer import __version__
from placer.api.planning import plan
from placer.api.question import RunOptions, complete_run, read_cluster
from placer.compare.budget import Budget
from placer.compare.comparison import Comparison, Layout, RankBy
from placer.compare.economics.cost import cost_of
from placer.compare.economics.goodput import block_of, goodput_of
from placer.compare.economics.prices import DATA as PRICE_FILE
from placer.compare.economics.prices import Prices, load_prices
from placer.compare.economics.training import training_of
from placer.compare.equal import sized, spent
from placer.compare.fabric.counting import inventory
from placer.compare.ranking import ranked
from placer.errors import InfeasibleError, InputError, InternalError, Problem, TimeLimitError
from placer.importers.model_source import load_model
from placer.search.options import SearchOptions
from placer.spec.model import ModelSpec
from placer.spec.suggest import did_you_mean
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from placer.plan.plan import Plan
    from placer.spec.cluster import ClusterSpec
    from placer.spec.run import RunSpec

Source = str | Path


class LayoutListener(Protocol):
    """What wants to hear of layouts as they are solved."""

    def __call__(self, name: str, num_done: int, num_layouts: int, /) -> None:
        """Take note that the layout ``name`` is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One layout to solve, in this process or another; ``reason`` where it cannot be had."""

    name: str
    num_gpus: int
    share: float
    model: Source | ModelSpec
    cluster: Source | ClusterSpec
    spec: ClusterSpec
    run: RunSpec
    options: SearchOptions
    calibration: Source | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The plan of a layout, or why there is none; ``refused`` where it cannot take the run."""

    plan: Plan | None = None
    reason: str = ""
    refused: tuple[Problem, ...] = ()


def compare(
    model: Source | ModelSpec,
    clusters: Sequence[Source | ClusterSpec],
    run: RunOptions | RunSpec | None = None,
    options: SearchOptions | None = None,
    *,
    rank_by: RankBy = RankBy.GPU,
    equal: Budget | None = None,
    reference: str | None = None,
    prices: Source | Prices | None = None,
    tokens: float | None = None,
    calibration: Source | None = None,
    processes: int = 1,
    listener: LayoutListener | None = None,
) -> Comparison:
    """Solve one model and one run on each layout, and rank the layouts.

    Parameters
    ----------
    model
        A name of the catalogue, a file, or the object itself.
    clusters
        Layouts in the same three forms.
    run
        Batch, sequence, precision, framework: the same for all. What is None placer chooses, for
        the largest layout.
    options
        Limits and restrictions of each search.
    rank_by
        What makes a layout the better one.
    equal
        What every layout is given as much of as the reference has (or ``options.max_gpus``
        accelerators): smaller ones are carried on, larger ones used in part.
    reference
        Name of the layout the others are measured against; the first when None.
    prices
        A price file; without it costs are unknown.
    tokens
        Of a whole training run, whose days, cost, energy and goodput are then worked out.
    calibration
        A file of `placer calibrate`.
    processes
        Layouts solved at a time. More than one needs a main module that can be imported (a script
        guards its work with ``if __name__ == "__main__"``).
    listener
        Hears of each layout when it is done.

    Returns
    -------
    Comparison
        A layout without a plan is a row that says why.

    Raises
    ------
    InputError
        When a file does not hold, no layout can take the run as it was asked for, or none has the
        figure to rank by.
    """
    options = options or SearchOptions(top=1)
    options = replace(options, fix=dict(options.fix))
    model_spec = model if isinstance(model, ModelSpec) else load_model(str(model))[0]
    specs = _read(clusters)
    names = _names(specs)
    against = _reference(names, clusters, reference)
    priced = prices if isinstance(prices, Prices) else load_prices(prices)
    offers = _offers(specs, specs[against], options.max_gpus, equal, priced)
    fixed, assumptions = _run(run or RunOptions(), model_spec, max(o.num_gpus for o in offers))
    tasks = [
        _Task(
            name=name,
            num_gpus=offer.num_gpus,
            share=offer.share,
            model=model,
            cluster=cluster if offer.cluster == spec else offer.cluster,
            spec=offer.cluster,
            run=fixed,
            options=replace(options, max_gpus=offer.num_gpus) if offer.share < 1.0 else options,
            calibration=calibration,
            reason=offer.reason,
        )
        for name, offer, spec, cluster in zip(names, offers, specs, clusters, strict=True)
    ]
    unsolved = [_unsolved(task, priced) for task in tasks]
    _check_figures(unsolved, rank_by)
    outcomes = _solve_all(tasks, processes, listener)
    layouts = [
        _layout(task, layout, outcome, tokens)
        for task, layout, outcome in zip(tasks, unsolved, outcomes, strict=True)
    ]
    return Comparison(
        model=model_spec.name,
        run=fixed,
        rank_by=rank_by,
        reference=layouts[against],
        budget="" if equal is None else equal.value,
        currency=priced.currency,
        assumptions=assumptions,
        rows=ranked(layouts, layouts[against], rank_by),
        placer_version=__version__,
    )


def _unsolved(task: _Task, prices: Prices) -> Layout:
    """A layout with its parts and what they cost, before there is a plan."""
    try:
        counted = inventory(task.spec)
    except InfeasibleError:
        counted = None
    return Layout(
        name=task.name,
        num_gpus=task.num_gpus,
        share=task.share,
        plan=None,
        reason=task.reason,
        inventory=counted,
        cost=None if counted is None else cost_of(counted, prices),
    )


def _layout(task: _Task, layout: Layout, outcome: _Outcome, tokens: float | None) -> Layout:
    """The layout with its plan, and a whole run on it where the user asked for one."""
    layout = replace(layout, plan=outcome.plan, reason=outcome.reason)
    if tokens is None or outcome.plan is None:
        return layout
    topology = build_topology(task.spec)
    goodput = goodput_of(
        outcome.plan,
        block_gpus=block_of(outcome.plan, topology.domain_size, topology.gpus_per_host),
        spares_held=topology.num_spares + task.num_gpus - outcome.plan.placement.gpus_used,
    )
    run = training_of(
        tokens,
        outcome.plan.estimate.tokens_per_s,
        goodput,
        per_hour=layout.cost_per_hour,
        power_w=layout.power_w,
    )
    return replace(layout, training=run)


def _check_figures(layouts: Sequence[Layout], rank_by: RankBy) -> None:
    """Refuse an order by something that is known of no layout, before any is solved."""
    if rank_by is RankBy.DOLLAR and all(layout.cost_per_hour is None for layout in layouts):
        lacking = dict.fromkeys(m for layout in layouts if layout.cost for m in layout.cost.missing)
        problem = Problem(
            source="--rank-by dollar",
            expected="prices",
            found=f"none for {', '.join(lacking)}",
            remedy=f"Copy {PRICE_FILE}, fill them in, and give it as --prices FILE;"
            " rent_per_hour alone will do.",
        )
        raise InputError([problem])
    if rank_by is RankBy.JOULE and all(layout.power_w is None for layout in layouts):
        problem = Problem(
            source="--rank-by joule",
            expected="a layout whose power is published in full",
            found="none",
        )
        raise InputError([problem])


def _read(clusters: Sequence[Source | ClusterSpec]) -> list[ClusterSpec]:
    """Every layout, or every problem of all files at once."""
    specs: list[ClusterSpec] = []
    problems: dict[Problem, None] = {}
    for cluster in clusters:
        try:
            specs.append(read_cluster(cluster)[0])
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    if not clusters:
        problems[Problem(source="CLUSTER", expected="at least one layout", found="none")] = None
    if problems:
        raise InputError(problems)
    return specs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """What a layout gives the job: a cluster and so many of its accelerators, or why it cannot."""

    cluster: ClusterSpec
    num_gpus: int
    share: float
    reason: str = ""


def _offers(
    specs: Sequence[ClusterSpec],
    reference: ClusterSpec,
    max_gpus: int | None,
    equal: Budget | None,
    prices: Prices,
) -> list[_Offer]:
    """Every layout as it is, or brought to the reference's budget."""
    if equal is None:
        return [_offered(spec, max_gpus) for spec in specs]
    if equal is Budget.GPUS and max_gpus is not None:
        amount = float(max_gpus)
    else:
        amount = _budget(reference, equal, prices)
    return [_brought(spec, amount, equal, prices) for spec in specs]


def _budget(reference: ClusterSpec, equal: Budget, prices: Prices) -> float:
    try:
        return spent(reference, equal, prices)
    except InfeasibleError as error:
        problem = Problem(
            source=f"--equal {equal.value}",
            expected=f"a reference whose {equal.value} is known",
            found=error.message,
            remedy="Choose another with --reference, or give --prices FILE.",
        )
        raise InputError([problem]) from error


def _offered(spec: ClusterSpec, max_gpus: int | None) -> _Offer:
    usable = build_topology(spec).num_usable
    num_gpus = min(usable, max_gpus or usable)
    return _Offer(cluster=spec, num_gpus=num_gpus, share=num_gpus / usable if usable else 1.0)


def _brought(spec: ClusterSpec, amount: float, equal: Budget, prices: Prices) -> _Offer:
    try:
        made = sized(spec, amount, equal, prices)
    except InfeasibleError as error:
        return replace(_offered(spec, None), reason=error.message)
    usable = build_topology(made.cluster).num_usable
    return _Offer(cluster=made.cluster, num_gpus=made.num_gpus, share=made.num_gpus / usable)


def _run(
    run: RunOptions | RunSpec, model: ModelSpec, num_gpus: int
) -> tuple[RunSpec, tuple[str, ...]]:
    return complete_run(run, model, num_gpus) if isinstance(run, RunOptions) else (run, ())


def _names(specs: Sequence[ClusterSpec]) -> list[str]:
    """Names of the layouts, numbered where two are called the same."""
    count = Counter(spec.name for spec in specs)
    seen: Counter[str] = Counter()
    names = []
    for spec in specs:
        seen[spec.name] += 1
        names.append(f"{spec.name}#{seen[spec.name]}" if count[spec.name] > 1 else spec.name)
    return names


def _reference(
    names: Sequence[str], clusters: Sequence[Source | ClusterSpec], reference: str | None
) -> int:
    """Position of the layout the others are measured against."""
    if reference is None:
        return 0
    for index, (name, cluster) in enumerate(zip(names, clusters, strict=True)):
        if reference in (name, str(cluster)):
            return index
    problem = Problem(
        source="--reference",
        expected=f"one of {', '.join(names)}",
        found=reference,
        remedy=did_you_mean(reference, names),
    )
    raise InputError([problem])


def _solve_all(
    tasks: Sequence[_Task], processes: int, listener: LayoutListener | None
) -> list[_Outcome]:
    """The outcome of each task, in their order.

    Raises
    ------
    InputError
        When no layout can take the run: then it is the question that is wrong.
    """
    outcomes = {i: _Outcome(reason=t.reason) for i, t in enumerate(tasks) if t.reason}
    for index, outcome in _solved(tasks, min(processes, len(tasks))):
        outcomes[index] = outcome
        if listener is not None:
            listener(tasks[index].name, len(outcomes), len(tasks))
    if all(outcome.refused for outcome in outcomes.values()):
        raise InputError(dict.fromkeys(p for _, o in sorted(outcomes.items()) for p in o.refused))
    return [outcomes[index] for index in range(len(tasks))]


def _solved(tasks: Sequence[_Task], processes: int) -> Iterator[tuple[int, _Outcome]]:
    """Outcomes as they come."""
    if processes <= 1:
        yield from ((i, _solve(task)) for i, task in enumerate(tasks) if not task.reason)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads of the parent
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_ignore_interrupts) as pool:
        waiting = {pool.submit(_solve, t): i for i, t in enumerate(tasks) if not t.reason}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool as error:
            raise InternalError(
                "a solving process ended before its answer, perhaps for lack of memory"
            ) from error
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which ends its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _solve(task: _Task) -> _Outcome:
    try:
        found = plan(task.model, task.cluster, task.run, task.options, calibration=task.calibration)
    except (InfeasibleError, TimeLimitError) as error:
        return _Outcome(reason=str(error))
    except InputError as error:
        return _Outcome(reason=str(error), refused=error.problems)
    except InternalError as error:
        raise InternalError(f"{task.name}: {error}") from error
    return _Outcome(plan=found)
