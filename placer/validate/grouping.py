"""The groups an error is reported by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from placer.validate.measured_run import MeasuredRun
from placer.validate.predict import Outcome
from placer.validate.statistics import mean, mean_absolute, median_absolute

SIZES: Final = (8, 64, 256, 1024)
"""Upper ends of the size groups, the last one not included."""


class GroupedBy(StrEnum):
    """What the rows of a group have in common."""

    FAMILY_ACCELERATOR = "family x accelerator"
    ACCELERATOR = "accelerator"
    PRECISION = "precision"
    LAYERS = "dense or MoE"
    PARALLELISM = "parallelism"
    SIZE = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupError:
    """Step-time errors of a group of rows."""

    by: GroupedBy
    name: str
    rows: int
    mape: float
    bias: float
    median_ape: float


def parallelism(run: MeasuredRun) -> str:
    """Axes a run splits over: ``fsdp``, ``dp``, ``tp+pp``, ...; one GPU is ``single``."""
    strategy = run.strategy
    names = [name for name in ("tp", "cp", "pp", "ep") if getattr(strategy, name) > 1]
    if strategy.zero_stage >= 3:
        names.append("fsdp")
    if not names:
        names = ["dp" if strategy.dp > 1 else "single"]
    return "+".join(names)


def size(run: MeasuredRun) -> str:
    """Range of GPU counts a run falls in."""
    gpus = run.strategy.num_gpus
    if gpus <= SIZES[0]:
        return f"up to {SIZES[0]} GPUs"
    for low, high in pairwise(SIZES[:-1]):
        if gpus <= high:
            return f"{low + 1} to {high} GPUs"
    if gpus < SIZES[-1]:
        return f"{SIZES[-2] + 1} to {SIZES[-1] - 1:,} GPUs"
    return f"{SIZES[-1]:,} GPUs and more"


def family_accelerator(run: MeasuredRun) -> str:
    """Who published a run, and on what it ran."""
    return f"{run.family or 'unnamed'}, {run.accelerator}"


KEYS: Final[dict[GroupedBy, Callable[[MeasuredRun], str]]] = {
    GroupedBy.FAMILY_ACCELERATOR: family_accelerator,
    GroupedBy.ACCELERATOR: lambda run: run.accelerator,
    GroupedBy.PRECISION: lambda run: run.run.precision.value,
    GroupedBy.LAYERS: lambda run: "dense" if run.model.moe is None else "MoE",
    GroupedBy.PARALLELISM: parallelism,
    GroupedBy.SIZE: size,
}


def group_errors(outcomes: Sequence[Outcome]) -> tuple[GroupError, ...]:
    """Errors of every group of every kind; sizes ascend, other groups are in order of name."""
    return tuple(group for by in GroupedBy for group in _groups(by, outcomes))


def _groups(by: GroupedBy, outcomes: Sequence[Outcome]) -> list[GroupError]:
    members: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        members.setdefault(KEYS[by](outcome.measured), []).append(outcome)

    def order(name: str) -> tuple[int, str]:
        smallest = min(o.measured.strategy.num_gpus for o in members[name])
        return (smallest if by is GroupedBy.SIZE else 0, name)

    return [_group(by, name, members[name]) for name in sorted(members, key=order)]


def _group(by: GroupedBy, name: str, outcomes: Sequence[Outcome]) -> GroupError:
    errors = [outcome.error for outcome in outcomes]
    return GroupError(
        by=by,
        name=name,
        rows=len(errors),
        mape=mean_absolute(errors),
        bias=mean(errors),
        median_ape=median_absolute(errors),
    )
