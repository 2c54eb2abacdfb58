"""The strategies worth costing, enumerated as columns; what is left out is counted by reason.

A *family* is a strategy without its number of chunks per stage: chunks change neither what a layer
costs nor what the replicas exchange, so families are bounded first and expanded into strategies
only where the search gets to them. All counts are of strategies (families times chunk choices).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.plan.legality import Case
from placer.plan.strategy import (
    IntArray,
    Recompute,
    RecomputeGranularity,
    Schedule,
    Strategy,
    StrategyBatch,
)
from placer.search.model_units import units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from placer.plan.legality import FrameworkRules
    from placer.search.options import SearchOptions
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

MICRO_BATCH_SIZES: Final = (1, 2, 4, 8)
CHUNK_COUNTS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
MAX_CONTEXT_PARALLEL: Final = 64
LEAST_TOKENS_PER_CONTEXT_SHARD: Final = 1024

TP_BEYOND_DOMAIN: Final = "tp_beyond_scale_up_domain"
THIN_CONTEXT: Final = "context_shard_below_1024_tokens"
CELL_TOO_LARGE: Final = "cell_larger_than_pod"
FEW_GPUS: Final = "uses_too_few_gpus"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceLimits:
    """What of the cluster bounds the enumeration: GPUs usable, per scale-up domain, per pod.

    Strategies of fewer than ``min_gpus`` are too few GPUs. ``num_sites`` hold whole
    replicas each, and share nothing but what they exchange; without any one of them
    ``min_remaining`` replicas must be left.
    """

    max_gpus: int
    domain_gpus: int
    pod_gpus: int
    min_gpus: int = 0
    num_sites: int = 1
    min_remaining: int = 0

    def allows_replicas(self, dp: int) -> bool:
        """Whether so many replicas can be spread over the sites."""
        return dp >= self.num_sites and dp - -(-dp // self.num_sites) >= self.min_remaining


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Families that may be legal, and what became of the others.

    ``families`` has vpp = 1 throughout; ``num_choices`` (F,) counts the chunk choices of each.
    Families of one ``key`` (F,) share all but pp and dp; ``keys`` holds, for each key, its family
    of most shards, whose layers cost what the others' do.
    """

    families: StrategyBatch
    key: IntArray
    keys: StrategyBatch
    num_choices: IntArray
    chunk_counts: tuple[int, ...]
    considered: int
    pruned: Mapping[str, int]

    def expand(self, rows: IntArray) -> tuple[StrategyBatch, IntArray]:
        """All strategies of some families, and the family each belongs to."""
        repeats = self.num_choices[rows]
        family = np.repeat(rows, repeats)
        first = np.repeat(np.cumsum(repeats) - repeats, repeats)
        choice = np.arange(len(family)) - first
        vpp = np.array(self.chunk_counts, dtype=np.int64)[choice]
        return replace(self.families.take(family), vpp=vpp), family

    def most_chunks(self) -> IntArray:
        """Largest number of chunks each family can have, (F,)."""
        return np.array(self.chunk_counts, dtype=np.int64)[self.num_choices - 1]


def enumerate_space(
    *,
    model: ModelSpec,
    run: RunSpec,
    rules: FrameworkRules,
    limits: SpaceLimits,
    options: SearchOptions,
) -> Space:
    """Enumerate every family within the limits and the user's restrictions, and prune by rule.

    Replicas are sharded as the framework does it unless the user fixes a stage.
    """
    pruned: Counter[str] = Counter()
    layers = _layer_choices(model, run, rules, limits, options)
    grids = _Grids(units_of(model).num_units + 2, run, limits, options)
    families, key, considered = _cross(layers, grids, limits, options, pruned)
    num_choices = grids.num_choices[families.pp]
    legal = _legal_families(
        rules=rules,
        case=Case(model=model, run=run, batch=families),
        num_choices=num_choices,
        chunk_counts=grids.chunk_counts,
        pruned=pruned,
    )
    families = families.take(legal)
    key, keys = _keys(families, key[legal], len(layers["tp"]))
    return Space(
        families=families,
        key=key,
        keys=keys,
        num_choices=num_choices[legal],
        chunk_counts=grids.chunk_counts,
        considered=considered,
        pruned=dict(sorted(pruned.items())),
    )


def strategy_at(batch: StrategyBatch, row: int, selective_modules: tuple[str, ...]) -> Strategy:
    """One row as a ``Strategy``: interleaved when it has chunks; full recompute layer by layer."""
    granularity = list(RecomputeGranularity)[int(batch.recompute[row])]
    recompute = {
        RecomputeGranularity.NONE: Recompute(),
        RecomputeGranularity.SELECTIVE: Recompute(
            granularity=granularity, modules=selective_modules
        ),
        RecomputeGranularity.FULL: Recompute(
            granularity=granularity, method="uniform", num_layers=1
        ),
    }[granularity]
    vpp, dp, dp_shard = (int(column[row]) for column in (batch.vpp, batch.dp, batch.dp_shard))
    return Strategy(
        tp=int(batch.tp[row]),
        cp=int(batch.cp[row]),
        ep=int(batch.ep[row]),
        etp=int(batch.etp[row]),
        pp=int(batch.pp[row]),
        vpp=vpp,
        dp=dp,
        micro_batch_size=int(batch.micro_batch_size[row]),
        num_microbatches=int(batch.num_microbatches[row]),
        zero_stage=int(batch.zero_stage[row]),
        dp_shard=dp_shard,
        dp_replicate=dp // dp_shard,
        sequence_parallel=bool(batch.sequence_parallel[row]),
        schedule=Schedule.INTERLEAVED if vpp > 1 else Schedule.ONE_F_ONE_B,
        recompute=recompute,
    )


def divisors(number: int, up_to: int) -> list[int]:
    """Divisors of a number, ascending, no larger than ``up_to``."""
    return [d for d in range(1, min(number, up_to) + 1) if number % d == 0]


class _Grids:
    """The (pp, dp) pairs that go with a block of GPUs and a micro-batch size.

    ``num_choices`` counts, by pp, the chunk choices: every chunk holds a unit, or the embedding,
    or the loss.
    """

    def __init__(
        self, num_slots: int, run: RunSpec, limits: SpaceLimits, options: SearchOptions
    ) -> None:
        fixed = options.fix.get("vpp")
        self.chunk_counts = CHUNK_COUNTS if fixed is None else (fixed,)
        self.run = run
        self._num_slots = num_slots
        self._limits = limits
        self._options = options
        self.num_choices = self._count_choices()

    def _count_choices(self) -> IntArray:
        pp = np.arange(max(self._num_slots, self._options.fix.get("pp", 1)) + 1)[:, None]
        counts = np.array(self.chunk_counts, dtype=np.int64)[None, :]
        fits = (counts * pp <= self._num_slots) & ((counts == 1) | (pp > 1))
        return np.asarray(fits.sum(axis=1), dtype=np.int64)

    def pairs(self, block_gpus: int, micro_batch_size: int) -> tuple[IntArray, IntArray, int]:
        """All (pp, dp) in range, and how many strategies use too few GPUs.

        Pairs without any chunk choice are no strategies.
        """
        most = self._limits.max_gpus // block_gpus
        batch = self.run.global_batch_size
        samples = batch // micro_batch_size if batch % micro_batch_size == 0 else 0
        pps = _pinned(self._options, "pp", range(1, min(self._num_slots, most) + 1))
        dps = _pinned(self._options, "dp", divisors(samples, most))
        dps = [dp for dp in dps if samples and samples % dp == 0]
        dps = [dp for dp in dps if self._limits.allows_replicas(dp)]
        pp, dp = (a.ravel() for a in np.meshgrid(np.array(pps, int), np.array(dps, int)))
        choices = self.num_choices[pp]
        gpus = block_gpus * pp * dp
        possible = (gpus <= self._limits.max_gpus) & (choices > 0)
        enough = gpus >= self._limits.min_gpus
        few = int(choices[possible & ~enough].sum())
        return pp[possible & enough], dp[possible & enough], few


def _pinned(options: SearchOptions, axis: str, values: range | list[int]) -> list[int]:
    fixed = options.fix.get(axis)
    return list(values) if fixed is None else [fixed]


def _layer_choices(
    model: ModelSpec,
    run: RunSpec,
    rules: FrameworkRules,
    limits: SpaceLimits,
    options: SearchOptions,
) -> dict[str, IntArray]:
    """Columns of every combination of what shapes a layer: tp, cp, ep, etp, mbs, recompute, zero."""
    experts = model.moe.num_experts if model.moe is not None else 1
    most = limits.max_gpus
    axes = {
        "tp": _pinned(options, "tp", divisors(model.attention.num_heads, most)),
        "cp": _pinned(options, "cp", divisors(run.seq_len, min(most, MAX_CONTEXT_PARALLEL))),
        "ep": _pinned(options, "ep", divisors(experts, most)),
        "etp": _pinned(options, "etp", [1] if model.moe is None else [1, 0]),
        "micro_batch_size": _pinned(options, "micro_batch_size", list(MICRO_BATCH_SIZES)),
        "recompute": _pinned(options, "recompute", range(3)),
        "zero_stage": _pinned(options, "zero_stage", list(rules.zero_stages)),
    }
    grid = np.meshgrid(*(np.array(v, dtype=np.int64) for v in axes.values()), indexing="ij")
    columns = {name: values.ravel() for name, values in zip(axes, grid, strict=True)}
    follows_tp = columns["etp"] == 0
    keep = ~follows_tp | (columns["tp"] > 1)
    columns["etp"] = np.where(follows_tp, columns["tp"], columns["etp"])
    splits = (columns["tp"] > 1) & rules.sequence_parallel
    columns["sequence_parallel"] = splits.astype(np.int64)
    return {name: values[keep] for name, values in columns.items()}


def _refusals(
    layers: dict[str, IntArray], run_seq_len: int, limits: SpaceLimits, options: SearchOptions
) -> dict[str, NDArray[np.bool_]]:
    """Named reasons for not looking at a combination, each with the rows it refuses."""
    tp, cp = layers["tp"], layers["cp"]
    cell = np.lcm(tp * cp, layers["ep"] * layers["etp"])
    may_cross = options.tp_across_domains or "tp" in options.fix
    thin = (cp > 1) & (run_seq_len // cp < LEAST_TOKENS_PER_CONTEXT_SHARD)
    return {
        TP_BEYOND_DOMAIN: (tp > limits.domain_gpus) & (not may_cross),
        THIN_CONTEXT: thin & ("cp" not in options.fix),
        CELL_TOO_LARGE: cell > limits.pod_gpus,
    }


def _cross(
    layers: dict[str, IntArray],
    grids: _Grids,
    limits: SpaceLimits,
    options: SearchOptions,
    pruned: Counter[str],
) -> tuple[StrategyBatch, IntArray, int]:
    """Cross layer choices with (pp, dp) pairs: families, their layer choice, strategies counted."""
    refused = _refusals(layers, grids.run.seq_len, limits, options)
    block, mbs = layers["tp"] * layers["cp"], layers["micro_batch_size"]
    parts: list[tuple[IntArray, IntArray, IntArray]] = []
    considered = 0
    for block_gpus, size in sorted(set(zip(block.tolist(), mbs.tolist(), strict=True))):
        pp, dp, few = grids.pairs(block_gpus, size)
        rows = np.flatnonzero((block == block_gpus) & (mbs == size))
        weight = int(grids.num_choices[pp].sum()) + few
        considered += len(rows) * weight
        for reason, mask in refused.items():
            hit = mask[rows]
            pruned[reason] += int(hit.sum()) * weight
            rows = rows[~hit]
        pruned[FEW_GPUS] += len(rows) * few
        parts.append((np.repeat(rows, len(pp)), np.tile(pp, len(rows)), np.tile(dp, len(rows))))
    key, pp, dp = (np.concatenate(column) for column in zip(*parts, strict=True))
    stage = layers["zero_stage"][key]
    twice = (dp * layers["cp"][key] == 1) & (stage > layers["zero_stage"].min())
    if "zero_stage" not in options.fix:
        considered -= int(grids.num_choices[pp[twice]].sum())
        key, pp, dp = key[~twice], pp[~twice], dp[~twice]
    for reason in [reason for reason, count in pruned.items() if count == 0]:
        del pruned[reason]
    columns = {name: values[key] for name, values in layers.items()}
    return _families(columns, pp, dp, grids.run.global_batch_size, limits), key, considered


def _families(
    columns: dict[str, IntArray],
    pp: IntArray,
    dp: IntArray,
    global_batch_size: int,
    limits: SpaceLimits,
) -> StrategyBatch:
    """Replicas share their states as widely as they can: inside their site."""
    shards = {n: divisors(n, n // limits.num_sites)[-1] for n in np.unique(dp).tolist()}
    cp, zero = columns["cp"], columns["zero_stage"]
    return StrategyBatch(
        tp=columns["tp"],
        cp=cp,
        ep=columns["ep"],
        etp=columns["etp"],
        pp=pp,
        vpp=np.ones_like(dp),
        dp=dp,
        micro_batch_size=columns["micro_batch_size"],
        num_microbatches=global_batch_size // (dp * columns["micro_batch_size"]),
        zero_stage=np.where(dp * cp == 1, 0, zero),
        dp_shard=np.array([shards[n] for n in dp.tolist()], dtype=np.int64),
        sequence_parallel=columns["sequence_parallel"],
        recompute=columns["recompute"],
    )


def first_refusal(rules: FrameworkRules, case: Case) -> IntArray:
    """Index of the first rule each row breaks, -1 where it breaks none; (N,)."""
    first = np.full(len(case), -1, dtype=np.int64)
    for index, rule in enumerate(rules.rules):
        first[(first < 0) & rule.violates(case)] = index
    return first


def _legal_families(
    *,
    rules: FrameworkRules,
    case: Case,
    num_choices: IntArray,
    chunk_counts: tuple[int, ...],
    pruned: Counter[str],
) -> NDArray[np.bool_]:
    """Families some chunk choice of which may be legal: the fewest chunks or the most.

    Rules that depend on the chunks in another way are applied again to expanded strategies.
    """
    counts = np.array(chunk_counts, dtype=np.int64)
    families = case.batch
    fewest = replace(families, vpp=np.full(len(families), counts[0]))
    refusal = first_refusal(rules, replace(case, batch=fewest))
    again = np.flatnonzero((refusal >= 0) & (num_choices > 1))
    most = replace(families.take(again), vpp=counts[num_choices[again] - 1])
    second = first_refusal(rules, replace(case, batch=most))
    refusal[again[second < 0]] = -1
    weight = np.bincount(
        refusal[refusal >= 0], weights=num_choices[refusal >= 0], minlength=len(rules.rules)
    )
    for rule, count in zip(rules.rules, weight, strict=True):
        if count:
            pruned[rule.name] += int(count)
    return np.asarray(refusal < 0)


def _keys(
    families: StrategyBatch, layer_choice: IntArray, num_choices: int
) -> tuple[IntArray, StrategyBatch]:
    """Number the layer choices in use; one representative each, of most shards."""
    most = np.zeros(num_choices, dtype=np.int64)
    np.maximum.at(most, layer_choice, families.dp_shard)
    widest = np.flatnonzero(families.dp_shard == most[layer_choice])
    row = np.full(num_choices, -1, dtype=np.int64)
    row[layer_choice[widest][::-1]] = widest[::-1]
    used = np.flatnonzero(row >= 0)
    number = np.zeros(num_choices, dtype=np.int64)
    number[used] = np.arange(len(used))
    return number[layer_choice], families.take(row[used])
