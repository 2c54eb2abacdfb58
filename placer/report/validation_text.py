"""Predicted against measured runs, for a terminal of 100 columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from placer.report.loss import signed_percent
from placer.report.palette import COMPONENTS
from placer.report.text.canvas import lines, rendered, section, table
from placer.units import format_percent, format_size, format_time
from placer.validate.grouping import GroupedBy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from placer.validate.choice import ChoiceAccuracy
    from placer.validate.oom import JudgedReport
    from placer.validate.predict import Outcome
    from placer.validate.validation import Overall, Validation

WORST: Final = 15
MAX_NAME: Final = 58
MOST_REASONS: Final = 12
LABELS: Final = {component.field: component.label for component in COMPONENTS}
NOTABLE_SHARE: Final = 0.1
PEAK: Final = "allocated; reserved where segments are fixed"


def render_validation(
    validation: Validation, *, colour: bool, reports: Sequence[JudgedReport] = ()
) -> str:
    """The whole page, and how published out-of-memory ``reports`` are judged."""
    parts: list[RenderableType] = [
        section(headline(validation), figures_table(validation.overall)),
        *(
            section(f"By {by.value}", _groups_table(validation, by))
            for by in GroupedBy
            if validation.groups
        ),
        section("Choice", lines(choice_lines(validation.choice))),
    ]
    if validation.costed:
        parts.append(section(f"Worst {WORST} rows", _worst_table(validation)))
    if validation.not_fitting:
        parts.append(section("Ran, but judged not to fit", _memory_table(validation)))
    if reports:
        parts.append(section(oom_headline(reports), _oom_table(reports)))
    if validation.skipped:
        parts.append(section("Skipped", _skipped_table(validation)))
    return rendered(parts, colour=colour)


def headline(validation: Validation) -> str:
    """What was compared with what."""
    overall = validation.overall
    return (
        f"Predicted against measured: {overall.rows} of {overall.rows + overall.skipped} runs of"
        f" {validation.source}"
    )


def oom_headline(reports: Sequence[JudgedReport]) -> str:
    """``Out of memory: 45 of 59 published reports judged not to fit``."""
    right = sum(not report.fits for report in reports)
    return f"Out of memory: {right} of {len(reports)} published reports judged not to fit"


def figures_of(overall: Overall) -> list[tuple[str, str, str]]:
    """Name, value and meaning of each overall figure."""
    rows: list[tuple[str, str, str]] = [
        ("MAPE", percent(overall.mape), "mean |predicted - measured| / measured step time"),
        ("macro MAPE", percent(overall.macro_mape), "mean over family x accelerator"),
        ("median", percent(overall.median_ape), "median absolute error"),
        ("90th percentile", percent(overall.p90_ape), "of the absolute error"),
        ("bias", percent(overall.bias, signed=True), "signed mean"),
        ("Spearman", number(overall.spearman_efficiency), "rank correlation of efficiency"),
        ("judged fitting", percent(overall.judged_fitting), "of runs that all ran"),
    ]
    if overall.memory_rows:
        low = f"{overall.memory_low} more than 10 % too low"
        peaks = f"{overall.memory_rows} published peaks, {PEAK}"
        rows += [
            ("memory MAPE", percent(overall.memory_mape), peaks),
            ("memory bias", percent(overall.memory_bias, signed=True), low),
            ("memory worst", percent(overall.memory_worst, signed=True), ""),
        ]
    return rows


def figures_table(overall: Overall) -> Table:
    """One row per overall figure."""
    grid = table(("", "left"), ("", "right"), ("", "left"))
    grid.show_header = False
    for row in figures_of(overall):
        grid.add_row(*row)
    return grid


def choice_lines(choice: ChoiceAccuracy) -> list[str]:
    """How often the faster configuration is named, and what choosing by the model costs."""
    if not choice.pairs:
        return ["no two rows answer the same question (model, sequence, GPUs, batch)"]
    told = [
        (
            f"{percent(choice.accuracy)} of {choice.pairs} pairs for one question (model, sequence,"
            " GPUs, batch) that differ by more than 5 %: the faster is named"
        )
    ]
    if choice.regrets:
        told.append(
            f"{len(choice.regrets)} questions with five or more configurations: the one predicted"
            f" fastest is {percent(choice.mean_regret)} slower than the best measured on average,"
            f" {percent(choice.max_regret)} at most"
        )
    return told


def dominant(outcome: Outcome) -> str:
    """The components that make up most of the predicted step: ``compute 72 %, recompute 22 %``."""
    shares = [s for i, s in enumerate(outcome.shares) if i == 0 or s[1] >= NOTABLE_SHARE]
    return ", ".join(f"{LABELS[name]} {100 * share:.0f} %" for name, share in shares[:3])


def percent(fraction: float | None, *, signed: bool = False) -> str:
    """``9.8 %``, ``+1.2 %``, or a dash where there is nothing to say."""
    if fraction is None:
        return "-"
    return signed_percent(fraction) if signed else format_percent(fraction)


def number(value: float | None) -> str:
    """``0.93``."""
    return "-" if value is None else f"{value:.3f}"


def short_name(name: str) -> str:
    """A row's id cut to its column."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 3]}..."


def reasons(validation: Validation) -> list[tuple[int, str, str]]:
    """Each reason for skipping: how many rows, the reason, the first of them."""
    counts = Counter(run.reason for run in validation.skipped)
    first = {run.reason: run.name for run in reversed(validation.skipped)}
    return [(n, why, first[why]) for why, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))]


def _groups_table(validation: Validation, by: GroupedBy) -> Table:
    grid = table(
        ("group", "left"),
        ("rows", "right"),
        ("MAPE", "right"),
        ("bias", "right"),
        ("median", "right"),
    )
    for group in validation.groups:
        if group.by is by:
            grid.add_row(
                group.name,
                str(group.rows),
                percent(group.mape),
                percent(group.bias, signed=True),
                percent(group.median_ape),
            )
    return grid


def _worst_table(validation: Validation) -> Table:
    grid = table(("error", "right"), ("predicted", "right"), ("measured", "right"), ("run", "left"))
    for outcome in validation.worst(WORST):
        grid.add_row(
            percent(outcome.error, signed=True),
            format_time(outcome.estimate.step_time_s),
            format_time(outcome.measured.measured_s),
            f"{short_name(outcome.measured.name)}\n  {dominant(outcome)}",
        )
    return grid


def _memory_table(validation: Validation) -> Table:
    grid = table(("needs", "right"), ("may hold", "right"), ("run", "left"))
    for outcome in validation.not_fitting[:WORST]:
        needs, limit = outcome.fullest_stage
        grid.add_row(format_size(needs), format_size(limit), short_name(outcome.measured.name))
    rest = len(validation.not_fitting) - WORST
    if rest > 0:
        grid.add_row("", "", f"and {rest} more")
    return grid


def _oom_table(reports: Sequence[JudgedReport]) -> Table:
    """The reports judged to fit, wrongly."""
    grid = table(("needs", "right"), ("may hold", "right"), ("judged to fit, ran out", "left"))
    for report in reports:
        if report.fits:
            needs, limit = format_size(report.needs_bytes), format_size(report.limit_bytes)
            grid.add_row(needs, limit, short_name(report.name))
    return grid


def _skipped_table(validation: Validation) -> Table:
    grid = table(("rows", "right"), ("reason (first such row)", "left"))
    told = reasons(validation)
    for count, reason, first in told[:MOST_REASONS]:
        grid.add_row(str(count), f"{reason} ({short_name(first)})")
    if len(told) > MOST_REASONS:
        rest = sum(count for count, _, _ in told[MOST_REASONS:])
        grid.add_row(str(rest), f"{len(told) - MOST_REASONS} other reasons; --json has every row")
    return grid
