"""One measured run: what ran, on what, split how, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from pydantic import ValidationError

from placer.cost.rates import peak_flops_per_s
from placer.errors import shorten
from placer.plan.contiguous import contiguous_placement
from placer.plan.layout import even_layout
from placer.plan.legality import violations
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.placement import Placement
from placer.plan.strategy import Strategy
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.topology.tree import Topology
from placer.validate.cells import Row, RowError
from placer.validate.row_machine import topology_of
from placer.validate.row_model import model_of
from placer.validate.row_strategy import strategy_of
from placer.validate.software import features_of, precision_of
from placer.validate.table import COMPLETE, TIME_COLUMNS

GIB = 1024.0**3


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRun:
    """A run as its source describes it, whether it ran or not.

    ``complete``: the source gives the whole configuration, recomputation included.
    ``family`` names who published it: it groups rows and is never an input of the model.
    """

    name: str
    family: str
    accelerator: str
    complete: bool
    model: ModelSpec
    run: RunSpec
    strategy: Strategy
    topology: Topology
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun(PublishedRun):
    """A run that was timed; ``peak_memory_bytes`` is None where nobody published it."""

    measured_s: float
    peak_memory_bytes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRun:
    """A row that is not costed, and why; ``measured_s`` where it states a time."""

    name: str
    family: str
    accelerator: str
    complete: bool
    measured_s: float | None
    reason: str


def interpret(rows: Iterable[Row], *, every_row: bool = False) -> list[MeasuredRun | SkippedRun]:
    """Each row as a run, or the reason why not, in file order.

    Rows that are not complete, or do not state their recomputation, are skipped unless
    ``every_row``.
    """
    return [_interpret(row, every_row=every_row) for row in rows]


def _interpret(row: Row, *, every_row: bool) -> MeasuredRun | SkippedRun:
    try:
        if not every_row:
            _check_stated(row)
        return run_of(row)
    except RowError as error:
        return SkippedRun(
            name=_name(row),
            family=row.text("family"),
            accelerator=row.text("accelerator"),
            complete=_is_complete(row),
            measured_s=_stated_time(row),
            reason=str(error),
        )


def run_of(row: Row) -> MeasuredRun:
    """The timed run of a row.

    Raises
    ------
    RowError
        With the reason, when the row cannot be costed.
    """
    measured_s = _time_s(row)
    if measured_s is None:
        raise RowError(f"expected a time in {' or '.join(TIME_COLUMNS)}, got nothing")
    run = described_run_of(row)
    peak_gib = row.positive("peak_mem_gib")
    return MeasuredRun(
        **{field.name: getattr(run, field.name) for field in fields(run)},
        measured_s=measured_s,
        peak_memory_bytes=None if peak_gib is None else peak_gib * GIB,
    )


def described_run_of(row: Row) -> PublishedRun:
    """The run a row describes, timed or not.

    Raises
    ------
    RowError
        With the reason, when the row cannot be costed.
    """
    model, strategy = model_of(row), strategy_of(row)
    run = _run_spec(row)
    broken = violations(ANY_FRAMEWORK, model, run, strategy)
    if broken:
        raise RowError(f"{broken[0].rule}: {broken[0].arithmetic}")
    topology = topology_of(row, strategy)
    _check_format(topology, run)
    return PublishedRun(
        name=_name(row),
        family=row.text("family"),
        accelerator=row.text("accelerator"),
        complete=_is_complete(row),
        model=model,
        run=run,
        strategy=strategy,
        topology=topology,
        placement=_placement(model, strategy, topology),
    )


def _run_spec(row: Row) -> RunSpec:
    try:
        return RunSpec(
            global_batch_size=row.count("global_batch"),
            seq_len=row.count("seq_len"),
            precision=precision_of(row),
            framework="any",
            features=features_of(row),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise RowError(f"{first['loc'][0]}: {shorten(first['msg'])}") from error


def _placement(model: ModelSpec, strategy: Strategy, topology: Topology) -> Placement:
    """Nobody says where ranks sat, so in order, as launchers put them; layers as even as they go.

    ``uneven_stages`` of a row states that layers do not divide evenly over the stages, which their
    number shows already: embedding and loss then stand in for layers.
    """
    try:
        layout = even_layout(model, strategy.pp, strategy.vpp)
    except ValueError as error:
        raise RowError(str(error)) from error
    return contiguous_placement(strategy, layout, topology)


def _check_format(topology: Topology, run: RunSpec) -> None:
    try:
        peak_flops_per_s(topology.accelerators[0], run.precision)
    except ValueError as error:
        raise RowError(str(error)) from error


def _check_stated(row: Row) -> None:
    if not _is_marked_complete(row):
        raise RowError("incomplete: the source does not give the whole configuration")
    if not row.has("recompute"):
        raise RowError("recompute: not stated")


def _is_complete(row: Row) -> bool:
    return _is_marked_complete(row) and row.has("recompute")


def _is_marked_complete(row: Row) -> bool:
    """A file without the column holds complete rows only."""
    return COMPLETE not in row.cells or row.text(COMPLETE) in {"1", "1.0", "True", "true"}


def _stated_time(row: Row) -> float | None:
    try:
        return _time_s(row)
    except RowError:
        return None


def _time_s(row: Row) -> float | None:
    """The published step time, else the derived one."""
    times = (row.positive(name) for name in TIME_COLUMNS)
    return next((time for time in times if time is not None), None)


def _name(row: Row) -> str:
    return row.text("id") or f"line {row.line}"
