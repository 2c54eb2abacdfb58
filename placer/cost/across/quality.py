"""What training apart costs in quality: published loss changes, read between and never beyond.

A DiLoCo step is not a synchronous step. The tables give the change of evaluation loss against
synchronous data parallelism of the same tokens; the exchange rate says how much more computation
a synchronous run would save by it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from placer.errors import InputError, Problem
from placer.spec.yaml_source import load_document

PUBLISHED: Final = Path(__file__).resolve().parents[2] / "data" / "quality.yaml"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Change = Annotated[float, Field(ge=-0.5, le=1.0, allow_inf_nan=False)]


class LossRow(BaseModel):
    """Loss changes at one size: ``changes[i]`` with ``replicas[i]`` of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: Positive
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]
    """Fractions of the loss, for the first so many replica counts."""


class LossTable(BaseModel):
    """One published table: a figure by size and number of replicas."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    source: str
    replicas: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    rows: Annotated[tuple[LossRow, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        sizes = [row.parameters for row in self.rows]
        if sizes != sorted(set(sizes)) or list(self.replicas) != sorted(set(self.replicas)):
            raise ValueError("expected sizes and replicas in ascending order, each once")
        if any(len(row.changes) > len(self.replicas) for row in self.rows):
            raise ValueError(f"expected at most {len(self.replicas)} changes in a row")
        return self

    def read(self, num_parameters: float, replicas: int) -> float:
        """Linear in log size and log replicas between rows; held at the first and last size."""
        at = [
            (math.log2(count), self._at_size(math.log(num_parameters), index))
            for index, count in enumerate(self.replicas)
        ]
        return _between(math.log2(replicas), at)

    def largest(self, replicas: int) -> float:
        """The largest model measured with at least this many replicas."""
        column = next((i for i, count in enumerate(self.replicas) if count >= replicas), 0)
        return max(row.parameters for row in self.rows if len(row.changes) > column)

    def _at_size(self, log_size: float, column: int) -> float:
        points = [
            (math.log(row.parameters), row.changes[column])
            for row in self.rows
            if len(row.changes) > column
        ]
        return _between(log_size, points)


class QualityTables(BaseModel):
    """The exchange rate: a data file a user may replace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss_change: LossTable
    """Against synchronous data parallelism, at ``reference_steps`` inner steps."""
    per_doubling: LossTable
    """What each doubling of the inner steps adds."""
    reference_steps: Annotated[int, Field(ge=1)]
    max_inner_steps: Annotated[int, Field(ge=1)]
    max_replicas: Annotated[int, Field(ge=1)]
    loss_exponent: Annotated[float, Field(lt=0, gt=-1)]
    """L ~ N^a of synchronous training, N the parameters."""
    loss_exponent_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a DiLoCo plan costs beside its time.

    ``loss_change`` is a fraction of the synchronous run's loss (positive: worse);
    ``compute_factor`` how many times the computation of a synchronous run of equal loss it takes;
    ``beyond`` what of the question lies outside what was measured, in words.
    """

    loss_change: float
    compute_factor: float
    beyond: tuple[str, ...]

    def equivalent(self, tokens_per_s: float) -> float:
        """Tokens per second of a synchronous run that makes the same progress."""
        return tokens_per_s / self.compute_factor


SYNCHRONOUS = Quality(loss_change=0.0, compute_factor=1.0, beyond=())


def quality_of(
    tables: QualityTables,
    *,
    num_parameters: float,
    replicas: int,
    inner_steps: int,
    extrapolate: bool = False,
) -> Quality:
    """Loss change and equivalent computation of DiLoCo.

    Parameters
    ----------
    num_parameters
        Of the whole model; beyond the largest size measured its figure is held, because the change
        shrinks with size, and the answer says so.
    replicas, inner_steps
        M and H. Fewer inner steps than the reference are not credited: loss changes little there
        (arXiv 2503.09799, section 5.1).
    extrapolate
        Go on outside the measured M and H, where the answer names what is extrapolated.

    Raises
    ------
    InputError
        When M or H lies outside what was measured and ``extrapolate`` is not set.
    """
    beyond = _range_problems(tables, replicas, inner_steps)
    if beyond and not extrapolate:
        raise InputError(beyond)
    change = tables.loss_change.read(num_parameters, replicas)
    doublings = max(0.0, math.log2(inner_steps / tables.reference_steps))
    change += doublings * tables.per_doubling.read(num_parameters, replicas)
    notes = [f"{p.field}: {p.found}, {p.expected} measured" for p in beyond]
    largest = tables.loss_change.largest(replicas)
    if num_parameters > largest:
        notes.append(
            f"size: {num_parameters / 1e9:.3g}B, figures of {largest / 1e9:.3g}B held "
            f"(largest measured with {replicas} replicas)"
        )
    return Quality(
        loss_change=change,
        compute_factor=compute_factor(change, tables.loss_exponent),
        beyond=tuple(notes),
    )


def compute_factor(loss_change: float, loss_exponent: float) -> float:
    """Times the computation a loss change is worth: ``(1 + d)^(-2 / a)``.

    Compute-optimal training has C ~ N^2 (20 tokens per parameter) and L ~ N^a, so C ~ L^(2 / a);
    with a = -0.0953 a loss 1 % higher is 23 % of the computation. A loss below the synchronous one
    (two replicas of 2.4B and more, by 0.2 %) is no credit: single runs differ by as much.
    """
    return float((1.0 + max(0.0, loss_change)) ** (-2.0 / loss_exponent))


@lru_cache(maxsize=1)
def published_quality() -> QualityTables:
    """The tables that travel with placer."""
    return load_quality(PUBLISHED)


def load_quality(path: Path) -> QualityTables:
    """The user's own tables, in the form of ``placer/data/quality.yaml``.

    Raises
    ------
    InputError
        When the file cannot be read or is not such a file.
    """
    return load_document(path, QualityTables)


def _range_problems(tables: QualityTables, replicas: int, inner_steps: int) -> list[Problem]:
    measured = (
        ("inner steps", inner_steps, tables.max_inner_steps),
        ("replicas", replicas, tables.max_replicas),
    )
    return [
        Problem(
            source="DiLoCo",
            field=name,
            expected=f"at most {most:,}",
            found=f"{value:,}",
            remedy="Nothing was measured beyond; ask for extrapolation to go on anyway.",
        )
        for name, value, most in measured
        if value > most
    ]


def _between(at: float, points: list[tuple[float, float]]) -> float:
    """Linear interpolation, held outside."""
    places = [x for x, _ in points]
    right = bisect_right(places, at)
    if right == 0:
        return points[0][1]
    if right == len(points):
        return points[-1][1]
    (x0, y0), (x1, y1) = points[right - 1], points[right]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
