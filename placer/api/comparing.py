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

from placer.api.planning import plan
from placer.api.question import RunOptions, complete_run, read_cluster
from placer.compare.comparison import Comparison, Layout, RankBy
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
    """One layout to solve, in this process or another."""

    name: str
    num_gpus: int
    model: Source | ModelSpec
    cluster: Source | ClusterSpec
    run: RunSpec
    options: SearchOptions
    calibration: Source | None


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
    reference: str | None = None,
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
    reference
        Name of the layout the others are measured against; the first when None.
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
        When a file does not hold, or no layout can take the run as it was asked for.
    """
    options = options or SearchOptions(top=1)
    options = replace(options, fix=dict(options.fix))
    model_spec = model if isinstance(model, ModelSpec) else load_model(str(model))[0]
    specs = _read(clusters)
    sizes = [_offered(spec, options.max_gpus) for spec in specs]
    run, assumptions = _run(run or RunOptions(), model_spec, max(sizes))
    tasks = [
        _Task(
            name=name,
            num_gpus=size,
            model=model,
            cluster=cluster,
            run=run,
            options=options,
            calibration=calibration,
        )
        for name, size, cluster in zip(_names(specs), sizes, clusters, strict=True)
    ]
    against = _reference(tasks, reference)
    outcomes = _solve_all(tasks, processes, listener)
    layouts = [
        Layout(name=t.name, num_gpus=t.num_gpus, plan=o.plan, reason=o.reason)
        for t, o in zip(tasks, outcomes, strict=True)
    ]
    return Comparison(
        model=model_spec.name,
        run=run,
        rank_by=rank_by,
        reference=layouts[against].name,
        assumptions=assumptions,
        rows=ranked(layouts, layouts[against], rank_by),
    )


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


def _offered(spec: ClusterSpec, max_gpus: int | None) -> int:
    usable = build_topology(spec).num_usable
    return min(usable, max_gpus or usable)


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


def _reference(tasks: Sequence[_Task], reference: str | None) -> int:
    """Position of the layout the others are measured against."""
    if reference is None:
        return 0
    for index, task in enumerate(tasks):
        if reference in (task.name, str(task.cluster)):
            return index
    names = [task.name for task in tasks]
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
    outcomes: dict[int, _Outcome] = {}
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
        yield from ((index, _solve(task)) for index, task in enumerate(tasks))
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads of the parent
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_ignore_interrupts) as pool:
        waiting = {pool.submit(_solve, task): index for index, task in enumerate(tasks)}
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
    return _Outcome(plan=found)
