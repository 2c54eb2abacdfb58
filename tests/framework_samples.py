"""Plans that real frameworks are asked about, at least twenty for each, and spoiled ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from plan_samples import DAMAGED_LAB, DENSE_MODEL, LAB, MOE_MODEL, NETWORK, plan_of

from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy
from placer.spec.cluster import ClusterSpec

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.spec.model import ModelSpec

LARGE = ClusterSpec.model_validate(
    {
        "name": "large",
        "accelerator": "h100_sxm",
        "scale_out": NETWORK
        | {
            "levels": [
                {"name": "leaf", "size": "16 hosts", "latency": "5 us"},
                {"name": "core", "size": "32 leaf", "latency": "8 us"},
            ]
        },
    }
)
"""4,096 GPUs: 512 hosts of 8, 16 hosts to a leaf."""

EXPERTS = MOE_MODEL.model_copy(update={"mtp_layers": 0})
FULL = Recompute(granularity=RecomputeGranularity.FULL, method="uniform", num_layers=1)


@dataclass(frozen=True)
class Sample:
    """A strategy, and what it is a strategy of."""

    strategy: dict[str, Any]
    model: ModelSpec = DENSE_MODEL
    cluster: ClusterSpec = LAB

    def plan(self, **changes: Any) -> Plan:
        """The plan, shards and schedule filled in."""
        given = self.strategy | changes
        defaults: dict[str, Any] = {"dp_shard": given.get("dp", 1)}
        if given.get("vpp", 1) > 1:
            defaults["schedule"] = Schedule.INTERLEAVED
        strategy = Strategy(**(defaults | given))
        if "dp_replicate" not in given:
            strategy = replace(strategy, dp_replicate=max(strategy.dp // strategy.dp_shard, 1))
        return plan_of(strategy, self.model, self.cluster)


def dense(cluster: ClusterSpec = LAB, **strategy: Any) -> Sample:
    """A plan of the dense model."""
    return Sample(strategy, cluster=cluster)


def sparse(cluster: ClusterSpec = LAB, model: ModelSpec = EXPERTS, **strategy: Any) -> Sample:
    """A plan of the model with experts."""
    return Sample(strategy, model=model, cluster=cluster)


def sharded(dp: int, cluster: ClusterSpec = LAB, **strategy: Any) -> Sample:
    """Parameters sharded, two micro-batches."""
    return dense(cluster, dp=dp, zero_stage=3, num_microbatches=2, **strategy)


def without_sp(sample: Sample) -> Sample:
    """The same without sequence parallelism."""
    return replace(sample, strategy=sample.strategy | {"sequence_parallel": False})


PIPELINES = [
    dense(pp=2, dp=4, num_microbatches=4),
    dense(pp=4, dp=2, tp=4, num_microbatches=8),
    dense(pp=3, dp=4, num_microbatches=6),
    dense(pp=5, dp=3, tp=2, num_microbatches=5),
    dense(pp=7, dp=1, tp=8, num_microbatches=8, zero_stage=0),
    dense(LARGE, pp=8, dp=64, tp=8, num_microbatches=8),
]
INTERLEAVED = [
    dense(pp=2, vpp=2, dp=4, num_microbatches=4),
    dense(pp=3, vpp=2, dp=4, tp=2, num_microbatches=6),
    dense(pp=4, vpp=4, dp=2, tp=2, num_microbatches=8),
    dense(LARGE, pp=8, vpp=2, dp=32, tp=8, cp=2, num_microbatches=8),
]
SHARDED = [
    sharded(8),
    sharded(3),
    sharded(5, recompute=FULL),
    sharded(24),
    sharded(16, dp_shard=8),
    sharded(64, dp_shard=16, recompute=FULL),
    sharded(4, cp=2),
    sharded(8, cp=4),
    sharded(8, LARGE, cp=8),
    sharded(4096, LARGE),
    sharded(4096, LARGE, dp_shard=64),
]
TENSOR = [
    sharded(4, tp=2),
    sharded(2, tp=4),
    sharded(16, tp=8),
    sharded(8, tp=2, dp_shard=4),
    sharded(512, LARGE, tp=8),
]

MEGATRON = [
    *PIPELINES,
    *INTERLEAVED,
    dense(dp=8, zero_stage=0),
    dense(tp=8),
    dense(tp=2, cp=2, dp=3, num_microbatches=2),
    dense(DAMAGED_LAB, dp=15, num_microbatches=2),
    dense(cp=4, dp=4),
    dense(tp=4, dp=8, dp_shard=4, num_microbatches=2),
    dense(pp=2, tp=2, dp=4, num_microbatches=4, recompute=FULL),
    sparse(ep=8, dp=8, num_microbatches=2),
    sparse(tp=2, ep=16, pp=2, vpp=2, dp=8, num_microbatches=8),
    sparse(tp=2, etp=2, ep=4, dp=8, num_microbatches=2),
    sparse(model=MOE_MODEL, ep=8, pp=2, dp=8, num_microbatches=4),
    sparse(cp=2, ep=4, dp=4, num_microbatches=2),
    sparse(LARGE, tp=4, ep=64, pp=4, dp=64, num_microbatches=8),
]
TITAN = [
    *PIPELINES,
    *INTERLEAVED,
    *SHARDED,
    *TENSOR,
    dense(DAMAGED_LAB, dp=15, zero_stage=3),
    dense(dp=8, zero_stage=0),
    dense(dp=8, zero_stage=1),
    sparse(ep=8, dp=8, zero_stage=3, num_microbatches=2),
    sparse(tp=2, ep=16, dp=8, zero_stage=3),
    sparse(tp=2, etp=2, dp=8, zero_stage=3),
    sparse(cp=2, ep=8, dp=8, zero_stage=3),
    sparse(ep=8, pp=2, vpp=2, dp=8, num_microbatches=4),
    sparse(LARGE, tp=4, ep=64, pp=4, dp=64, num_microbatches=8),
]
TITAN_TOML = [*TITAN, sparse(tp=2, etp=2, ep=4, dp=8, zero_stage=3)]
ACCELERATE = [
    *SHARDED,
    *(without_sp(sample) for sample in TENSOR),
    without_sp(sharded(4, tp=2, cp=2)),
    without_sp(sharded(8, LARGE, tp=8, cp=64)),
    without_sp(dense(tp=8, zero_stage=0)),
    dense(dp=8, zero_stage=0, num_microbatches=3),
    dense(dp=16, zero_stage=1),
    sparse(dp=16, zero_stage=3, num_microbatches=2),
    without_sp(sparse(dp=4, tp=4, etp=4, zero_stage=3)),
]
DEEPSPEED = [
    *(sample for sample in SHARDED if "dp_shard" not in sample.strategy),
    *(without_sp(s) for s in TENSOR if "dp_shard" not in s.strategy),
    *(without_sp(s) for s in PIPELINES),
    dense(dp=16, zero_stage=0),
    dense(dp=16, zero_stage=1, num_microbatches=4),
    dense(DAMAGED_LAB, dp=15),
    sparse(ep=8, dp=8, num_microbatches=2),
    sparse(ep=8, dp=16, zero_stage=3),
    without_sp(sparse(tp=2, ep=16, dp=8)),
    sparse(cp=2, ep=4, dp=4),
    sparse(LARGE, ep=64, dp=512),
]
MAXTEXT = [
    *SHARDED,
    *TENSOR,
    without_sp(sharded(8, tp=4)),
    dense(dp=8, zero_stage=0, num_microbatches=2),
    dense(dp=16, zero_stage=1, num_microbatches=2),
    sharded(4, tp=2, cp=2),
    sparse(ep=8, dp=8, zero_stage=3, num_microbatches=2),
    sparse(ep=64, dp=64, zero_stage=3),
    sparse(tp=2, etp=2, ep=4, dp=8, zero_stage=3),
    sparse(tp=4, etp=4, ep=8, dp=32, dp_shard=16, zero_stage=3),
    sparse(LARGE, tp=8, etp=8, ep=64, dp=512, zero_stage=3),
]


@dataclass(frozen=True)
class Spoiled:
    """A plan changed into one that cannot run.

    ``changes`` are of the strategy; ``edits`` are texts in files, replaced. ``refused`` is False
    where the framework itself does not see the fault, and only we do.
    """

    base: Sample
    changes: dict[str, Any] = field(default_factory=dict)
    edits: tuple[tuple[str, str, str], ...] = ()
    refused: bool = True


def edit(base: Sample, file: str, old: str, new: str, *, refused: bool = True) -> Spoiled:
    """A text replaced in an emitted file."""
    return Spoiled(base, edits=((file, old, new),), refused=refused)


def change(base: Sample, *, refused: bool = True, **changes: Any) -> Spoiled:
    """Another strategy, emitted against the rules."""
    return Spoiled(base, changes=changes, refused=refused)
