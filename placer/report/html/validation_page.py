"""Predicted against measured runs as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.figures.validation import errors_figure, groups_figure
from placer.report.html.page import Section, page
from placer.report.html.parts import bullets, figure, table
from placer.report.validation_tables import (
    group_table,
    overall_table,
    skipped_table,
    worst_table,
)
from placer.report.validation_text import choice_lines, headline, number, oom_headline, percent
from placer.validate.grouping import GroupedBy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from placer.validate.oom import JudgedReport
    from placer.validate.validation import Validation


def validation_page(validation: Validation, reports: Sequence[JudgedReport]) -> str:
    """The page; equal validations give equal bytes."""
    overall = validation.overall
    return page(
        title="How far to trust the cost model",
        lead=(f"{headline(validation)}.", f"{oom_headline(reports)}."),
        facts=(
            (percent(overall.mape), "mean absolute error of the step time"),
            (percent(overall.median_ape), "median"),
            (percent(overall.bias, signed=True), "bias"),
            (number(overall.spearman_efficiency), "rank correlation of efficiency"),
            (percent(overall.memory_mape), "mean absolute error of the memory peak"),
        ),
        sections=tuple(_sections(validation)),
        footer=(f"Made by placer from {validation.source}.",),
    )


def _sections(validation: Validation) -> Iterator[Section]:
    if validation.costed:
        pictures = (figure(errors_figure(validation)), figure(groups_figure(validation)))
        yield Section(title="Every run and every group", body=pictures)
    yield Section(title="In figures", body=(table(overall_table(validation)),))
    yield Section(title="Choosing by it", body=(bullets(choice_lines(validation.choice)),))
    tables = [group_table(validation, by) for by in GroupedBy]
    told = tuple(table(one) for one in tables if one.rows)
    if told:
        yield Section(title="By group", body=told)
        yield Section(title="Worst rows", body=(table(worst_table(validation)),))
    if validation.skipped:
        yield Section(title="Not costed", body=(table(skipped_table(validation)),))
