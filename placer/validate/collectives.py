"""Predicted against measured seconds of collectives, row by row and by group."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

import numpy as np

from placer.cost.collectives import (
    all_gather_s,
    all_reduce_s,
    all_to_all_s,
    deduplicated_copies,
    expert_exchange_s,
    p2p_s,
    reduce_scatter_s,
    ring_all_reduce_s,
    tree_all_reduce_s,
)
from placer.cost.constants import Constants
from placer.spec.model import MoE
from placer.validate.nccl_systems import Algorithm, MeasuredSystem, measured_systems

MIB = 1024.0**2
PLATEAU_BYTES = 16384.0 * MIB
"""Message size at which rows that only state a peak are compared."""

HIDDEN_SIZE = 7168
TOP_K = 8

MISSED = 0.2
"""Relative error from which a large message or an expert exchange is named as missed."""

Row = dict[str, str]

_COLLECTIVES = {
    "all_gather": all_gather_s,
    "reduce_scatter": reduce_scatter_s,
    "alltoall": all_to_all_s,
}
_ALL_REDUCES = {
    Algorithm.FASTEST: all_reduce_s,
    Algorithm.RING: ring_all_reduce_s,
    Algorithm.TREE: tree_all_reduce_s,
}


class Regime(StrEnum):
    """What a row tests, by message size; expert exchanges are a class of their own."""

    SMALL = "below 1 MiB"
    MIDDLE = "1 MiB to 64 MiB"
    LARGE = "64 MiB and more"
    EXPERTS = "expert dispatch and combine"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveRow:
    """One measurement and its prediction."""

    source: str
    system: str
    collective: str
    ranks: int
    size_bytes: float
    measured_s: float
    predicted_s: float

    @property
    def error(self) -> float:
        """Predicted over measured time, less one."""
        return self.predicted_s / self.measured_s - 1.0

    @property
    def regime(self) -> Regime:
        """Class the row counts in."""
        if self.collective.startswith("moe_"):
            return Regime.EXPERTS
        if self.size_bytes < MIB:
            return Regime.SMALL
        return Regime.MIDDLE if self.size_bytes < 64 * MIB else Regime.LARGE


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """A measurement that is not compared, and why."""

    source: str
    system: str
    collective: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveCheck:
    """Every measurement, compared or skipped."""

    rows: tuple[CollectiveRow, ...]
    skipped: tuple[SkippedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A machine whose large messages are priced wrongly: how many of them, the worst, and why."""

    system: str
    num_rows: int
    worst: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupError:
    """Error of a group of rows: mean absolute, signed mean, and the largest in absolute terms."""

    name: str
    num_rows: int
    mape: float
    bias: float
    worst: float


def check_collectives(constants: Constants) -> CollectiveCheck:
    """Predict every row of data/nccl_measured.csv from its machine's levels alone."""
    source = resources.files("placer.data").joinpath("nccl_measured.csv")
    systems = measured_systems()
    rows, skipped = [], []
    for row in csv.DictReader(source.read_text(encoding="utf-8").splitlines()):
        label, kind, note = row["system"], row["collective"], row["note"]
        reasons = [e.reason for e in systems.excluded if e.applies(label, kind, note, row["bytes"])]
        if reasons:
            skipped.append(
                SkippedRow(source=row["source"], system=label, collective=kind, reason=reasons[0])
            )
            continue
        system = next(s for s in systems.systems if s.describes(label, note))
        rows.append(_compared(row, system, constants))
    return CollectiveCheck(rows=tuple(rows), skipped=tuple(skipped))


def group_errors(rows: Iterable[CollectiveRow]) -> tuple[GroupError, ...]:
    """Errors by regime, then by machine and regime, in order of name."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row.regime, []).append(row.error)
        groups.setdefault(f"{row.system}, {row.regime}", []).append(row.error)
    regimes = [regime.value for regime in Regime if regime in groups]
    return tuple(
        _group_error(name, np.array(groups[name]))
        for name in [*regimes, *sorted(set(groups) - set(regimes))]
    )


def misses(rows: Iterable[CollectiveRow]) -> tuple[Miss, ...]:
    """Machines with a large message or expert exchange off by more than ``MISSED``, worst first."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row.regime in (Regime.LARGE, Regime.EXPERTS) and abs(row.error) > MISSED:
            found.setdefault(row.system, []).append(row.error)
    told = [
        Miss(
            system=system,
            num_rows=len(errors),
            worst=max(errors, key=abs),
            reason=measured_systems().misses.get(system, ""),
        )
        for system, errors in found.items()
    ]
    return tuple(sorted(told, key=lambda miss: (-abs(miss.worst), miss.system)))


def _group_error(name: str, errors: np.ndarray[tuple[int], np.dtype[np.float64]]) -> GroupError:
    return GroupError(
        name=name,
        num_rows=len(errors),
        mape=float(np.abs(errors).mean()),
        bias=float(errors.mean()),
        worst=float(errors[np.abs(errors).argmax()]),
    )


def _compared(row: Row, system: MeasuredSystem, constants: Constants) -> CollectiveRow:
    kind = row["collective"]
    ranks = int(row["gpus"]) if row["gpus"] else system.ranks
    size_bytes = float(row["bytes"]) if row["bytes"] else PLATEAU_BYTES
    if kind.startswith("moe_"):
        size_bytes, measured_s, predicted_s = _expert_times_s(row, system, ranks, constants)
    else:
        predicted_s = _predicted_s(kind, system, ranks, size_bytes, constants)
        measured_s = _measured_s(row, ranks, size_bytes)
    return CollectiveRow(
        source=row["source"],
        system=row["system"],
        collective=kind,
        ranks=ranks,
        size_bytes=size_bytes,
        measured_s=measured_s,
        predicted_s=predicted_s,
    )


def _predicted_s(
    kind: str, system: MeasuredSystem, ranks: int, size_bytes: float, constants: Constants
) -> float:
    levels, spans = system.levels(), system.spans(ranks)
    name = kind.removesuffix("_peak")
    if name == "p2p_memcpy":
        return float(p2p_s(size_bytes, np.zeros(1, dtype=np.int64), levels, constants)[0])
    if name == "all_reduce":
        return float(_ALL_REDUCES[system.algorithm](size_bytes, spans, levels, constants)[0])
    return float(_COLLECTIVES[name](size_bytes, spans, levels, constants)[0])


def _measured_s(row: Row, ranks: int, size_bytes: float) -> float:
    """Stated time, or what the bus bandwidth means (nccl-tests doc/PERFORMANCE.md)."""
    if row["time_us"]:
        return float(row["time_us"]) * 1e-6
    passes = {"all_reduce_peak": 2.0, "p2p_memcpy": ranks / (ranks - 1.0)}.get(row["collective"], 1)
    return size_bytes * passes * (ranks - 1.0) / ranks / (float(row["busbw_GBps"]) * 1e9)


def _expert_times_s(
    row: Row, system: MeasuredSystem, ranks: int, constants: Constants
) -> tuple[float, float, float]:
    """Bytes at the bottleneck, measured and predicted seconds of a dispatch or combine.

    The sources state bandwidth at the bottleneck link, counting what stays local (DeepEP README):
    one copy per domain where that is RDMA, one per rank elsewhere.
    """
    tokens = 8192.0 if "8K tok" in row["note"] or "EPv2" in row["note"] else 4096.0
    narrow = row["collective"] == "moe_dispatch" and "BF16" not in row["note"]
    bytes_per_token = HIDDEN_SIZE * (1.0 if narrow else 2.0)
    limited = "legacy" in row["source"]
    moe = MoE(
        num_experts=256,
        top_k=TOP_K,
        ffn_hidden_size=2048,
        num_groups=8 if limited else 1,
        topk_groups=4 if limited else 1,
    )
    levels, spans = system.levels(), system.spans(ranks)
    inside = spans[:, 0].astype(np.float64)
    copies = deduplicated_copies(ranks / inside, inside, moe)
    counted = copies.domains if "RDMA" in row["note"] else copies.ranks
    size_bytes = float(counted[0]) * tokens * bytes_per_token
    predicted = expert_exchange_s(
        tokens=tokens,
        bytes_per_token=bytes_per_token,
        moe=moe,
        spans=spans,
        levels=levels,
        constants=constants,
        deduplicated=True,
    )
    return size_bytes, size_bytes / (float(row["busbw_GBps"]) * 1e9), float(predicted[0])
