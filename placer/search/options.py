"""What a user may ask of the search: limits, proof, pinned and forbidden axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from placer.errors import InputError, Problem
from placer.plan.strategy import RecomputeGranularity

AXES: Final = (
    "tp",
    "cp",
    "ep",
    "etp",
    "pp",
    "vpp",
    "dp",
    "micro_batch_size",
    "zero_stage",
    "recompute",
)
"""Axes the search chooses, and that ``--fix`` and ``--forbid`` may name."""

_GRANULARITIES: Final = tuple(g.value for g in RecomputeGranularity)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """Limits and restrictions of one search.

    ``deterministic_limit`` bounds the solver's own machine-independent work and is the primary
    limit; ``time_limit_s`` is a wall-clock safety net that may cost reproducibility.
    """

    gap: float = 0.005
    """Stop when the step time is proven within this fraction of the best possible; >= 0."""
    top: int = 3
    """Plans to return: the best and its alternatives; >= 1."""
    time_limit_s: float | None = None
    """Wall-clock limit; None for no limit."""
    deterministic_limit: float = 60.0
    """Solver work allowed, in the solver's deterministic seconds; > 0."""
    seed: int = 0
    """Seed of the solver."""
    workers: int = 1
    """Solver threads; more than one are interleaved, so that the answer does not depend on luck."""
    max_gpus: int | None = None
    """Use at most this many GPUs; None for all of them."""
    min_gpu_share: float = 0.5
    """Look only at strategies that use at least this share of the GPUs, unless none fits."""
    fix: Mapping[str, int] = field(default_factory=dict)
    """Axis to the value it must have; recompute is 0 none, 1 selective, 2 full."""
    memory_headroom: float = 0.03
    """Share of the memory limit a plan leaves free: what predicted memory errs by on average."""
    tp_across_domains: bool = False
    """Whether tensor parallelism may leave the scale-up domain."""

    def __post_init__(self) -> None:
        checks = (
            ("--gap", self.gap >= 0.0, ">= 0", self.gap),
            ("--top", self.top >= 1, ">= 1", self.top),
            (
                "--time-limit",
                self.time_limit_s is None or self.time_limit_s > 0.0,
                "> 0 s",
                self.time_limit_s,
            ),
            (
                "--deterministic-limit",
                self.deterministic_limit > 0.0,
                "> 0",
                self.deterministic_limit,
            ),
            ("--workers", self.workers >= 1, ">= 1", self.workers),
            ("--gpus", self.max_gpus is None or self.max_gpus >= 1, ">= 1", self.max_gpus),
            (
                "--memory-headroom",
                0.0 <= self.memory_headroom < 1.0,
                "0 to 1",
                self.memory_headroom,
            ),
            ("--min-gpu-share", 0.0 <= self.min_gpu_share <= 1.0, "0 to 1", self.min_gpu_share),
        )
        problems = [
            Problem(source=source, expected=expected, found=str(found))
            for source, good, expected, found in checks
            if not good
        ]
        if problems:
            raise InputError(problems)


def restrictions(fix: Iterable[str], forbid: Iterable[str]) -> dict[str, int]:
    """Read ``--fix axis=value`` and ``--forbid axis`` into one mapping of axis to value.

    A forbidden axis has degree 1; forbidding recompute means none.

    Raises
    ------
    InputError
        With every text that is not understood.
    """
    chosen: dict[str, int] = {}
    problems: list[Problem] = []
    wanted = [(text, "--fix", *_split(text)) for text in fix]
    wanted += [(text, "--forbid", text.strip(), _absent(text.strip())) for text in forbid]
    for text, source, axis, value in wanted:
        problem = _problem(text, source, axis, value, chosen)
        if problem is None:
            chosen[axis] = _number(axis, value)
        else:
            problems.append(problem)
    if problems:
        raise InputError(problems)
    return chosen


def _split(text: str) -> tuple[str, str]:
    axis, _, value = text.partition("=")
    return axis.strip(), value.strip()


def _absent(axis: str) -> str:
    return {"recompute": "none", "zero_stage": "0"}.get(axis, "1")


def _number(axis: str, value: str) -> int:
    return _GRANULARITIES.index(value) if axis == "recompute" else int(value)


def _problem(
    text: str, source: str, axis: str, value: str, chosen: Mapping[str, int]
) -> Problem | None:
    """What is wrong with one restriction, or None."""
    if axis not in AXES:
        return Problem(source=source, expected=f"one of {', '.join(AXES)}", found=repr(text))
    if axis == "recompute":
        if value in _GRANULARITIES:
            return _conflict(text, source, axis, value, chosen)
        expected = f"recompute={'|'.join(_GRANULARITIES)}"
        return Problem(source=source, expected=expected, found=repr(text))
    lowest, highest = (0, 3) if axis == "zero_stage" else (1, 1_000_000)
    if not (value.isascii() and value.isdigit() and lowest <= int(value[:8]) <= highest):
        expected = f"{axis}=N with N from {lowest} to {highest}"
        return Problem(source=source, expected=expected, found=repr(text))
    return _conflict(text, source, axis, value, chosen)


def _conflict(
    text: str, source: str, axis: str, value: str, chosen: Mapping[str, int]
) -> Problem | None:
    if axis not in chosen or chosen[axis] == _number(axis, value):
        return None
    return Problem(
        source=source,
        expected=f"one value of {axis}, which is {chosen[axis]} already",
        found=repr(text),
        remedy="Leave one of the two out.",
    )
