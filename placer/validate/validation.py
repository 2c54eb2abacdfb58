"""Predicted against measured: every row, every group, and what it means for choosing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from placer.cost.constants import Constants, load_constants
from placer.validate.cells import Row
from placer.validate.choice import ChoiceAccuracy, choice_accuracy
from placer.validate.datasets import find_table
from placer.validate.grouping import GroupedBy, GroupError, group_errors
from placer.validate.measured_run import MeasuredRun, SkippedRun, interpret
from placer.validate.predict import Outcome, predict
from placer.validate.statistics import (
    mean,
    mean_absolute,
    median_absolute,
    percentile_absolute,
    spearman,
)
from placer.validate.table import read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Overall:
    """Errors over all costed rows; None where no row says anything about the figure.

    Errors are relative: predicted over measured, less one. ``macro_mape`` is the mean of the MAPEs
    of the groups family x accelerator. ``spearman_efficiency`` correlates the ranks of predicted
    and measured efficiency (model FLOPs at peak over step time). ``judged_fitting`` is the share of
    rows, all of which ran, whose predicted peak is within the memory limit. ``memory_low`` counts
    peaks predicted more than 10 % too low.
    """

    rows: int
    skipped: int
    complete_skipped: int
    mape: float | None
    macro_mape: float | None
    median_ape: float | None
    p90_ape: float | None
    bias: float | None
    spearman_efficiency: float | None
    judged_fitting: float | None
    memory_rows: int
    memory_mape: float | None
    memory_bias: float | None
    memory_worst: float | None
    memory_low: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The whole comparison; ``rows`` are in file order."""

    source: str
    rows: tuple[Outcome | SkippedRun, ...]
    groups: tuple[GroupError, ...]
    overall: Overall
    choice: ChoiceAccuracy

    @property
    def costed(self) -> tuple[Outcome, ...]:
        """Rows with a prediction."""
        return tuple(row for row in self.rows if isinstance(row, Outcome))

    @property
    def skipped(self) -> tuple[SkippedRun, ...]:
        """Rows without one."""
        return tuple(row for row in self.rows if isinstance(row, SkippedRun))

    @property
    def not_fitting(self) -> tuple[Outcome, ...]:
        """Rows that ran and are judged not to fit their memory."""
        return tuple(outcome for outcome in self.costed if not outcome.estimate.fits)

    def worst(self, count: int) -> tuple[Outcome, ...]:
        """The rows with the largest absolute error."""
        return tuple(sorted(self.costed, key=lambda o: -abs(o.error))[:count])


def validate_table(reference: str, *, every_row: bool = False) -> Validation:
    """Compare a table that travels with placer, by name, or a CSV file of the same form.

    Raises
    ------
    InputError
        When there is no such table or file, or it is malformed.
    """
    path = find_table(reference)
    return validate(path.name, read_rows(path), load_constants(), every_row=every_row)


def validate(
    source: str, rows: Iterable[Row], constants: Constants, *, every_row: bool = False
) -> Validation:
    """Cost every row and compare.

    Parameters
    ----------
    source
        What the rows came from, for the report.
    every_row
        Try incomplete rows too.
    """
    runs = interpret(rows, every_row=every_row)
    outcomes = iter(predict([r for r in runs if isinstance(r, MeasuredRun)], constants))
    compared = tuple(next(outcomes) if isinstance(r, MeasuredRun) else r for r in runs)
    costed = [row for row in compared if isinstance(row, Outcome)]
    skipped = [row for row in compared if isinstance(row, SkippedRun)]
    groups = group_errors(costed)
    return Validation(
        source=source,
        rows=compared,
        groups=groups,
        overall=_overall(costed, skipped, groups),
        choice=choice_accuracy(costed),
    )


def _overall(
    costed: Sequence[Outcome], skipped: Sequence[SkippedRun], groups: Sequence[GroupError]
) -> Overall:
    errors = [outcome.error for outcome in costed]
    memory = [o.memory_error for o in costed if o.memory_error is not None]
    families = [g.mape for g in groups if g.by is GroupedBy.FAMILY_ACCELERATOR]
    efficiency = spearman(
        [o.predicted_efficiency for o in costed], [o.measured_efficiency for o in costed]
    )
    return Overall(
        rows=len(errors),
        skipped=len(skipped),
        complete_skipped=sum(run.complete for run in skipped),
        mape=mean_absolute(errors) if errors else None,
        macro_mape=mean(families) if families else None,
        median_ape=median_absolute(errors) if errors else None,
        p90_ape=percentile_absolute(errors, 90.0) if errors else None,
        bias=mean(errors) if errors else None,
        spearman_efficiency=efficiency,
        judged_fitting=mean([o.estimate.fits for o in costed]) if costed else None,
        memory_rows=len(memory),
        memory_mape=mean_absolute(memory) if memory else None,
        memory_bias=mean(memory) if memory else None,
        memory_worst=max(memory, key=abs) if memory else None,
        memory_low=sum(error < -0.1 for error in memory),
    )
