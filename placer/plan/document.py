"""The shape of ``plan.json``, schema ``placer.plan/v1``: what a file may contain, field by field.

Seconds, bytes and SI units throughout. ``placer.plan.serialise`` turns these into the types the rest
of placer works with, and back.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from placer.plan.across import OptionStatus
from placer.plan.plan import PlanStatus
from placer.plan.strategy import CrossSiteMode, RecomputeGranularity, Schedule
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec

Count = Annotated[int, Field(ge=0, strict=True)]
Degree = Annotated[int, Field(ge=1, strict=True)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelInput(ModelSpec):
    """The normalised model, and the file it came from."""

    source_name: str
    sha256: str


class ClusterInput(ClusterSpec):
    """The normalised cluster, and the file it came from."""

    source_name: str
    sha256: str


class RunInput(RunSpec):
    """The normalised run, and where it came from."""

    source_name: str
    sha256: str


class RecomputeDocument(_Part):
    """Activation recomputation in Megatron-LM's terms."""

    granularity: RecomputeGranularity
    method: str | None = None
    num_layers: Degree | None = None
    modules: tuple[str, ...] = ()


class SiteShareDocument(_Part):
    """What one site holds: whole replicas, or stages of all of them."""

    site: str
    dp: Degree
    pp: Degree


class CrossSiteDocument(_Part):
    """The arrangement between sites."""

    mode: CrossSiteMode
    replicas: Degree
    inner_steps: Degree | None = None
    shares: tuple[SiteShareDocument, ...] = ()
    fragments: Degree | None = None
    overlap_steps: Degree | None = None
    outer_bits: Degree | None = None
    extra_in_flight: Count = 0


class StrategyDocument(_Part):
    """Every parallel degree; ``edp`` follows from the others."""

    tp: Degree
    cp: Degree
    ep: Degree
    etp: Degree
    pp: Degree
    vpp: Degree
    dp: Degree
    edp: Degree
    micro_batch_size: Degree
    num_microbatches: Degree
    zero_stage: Annotated[int, Field(ge=0, le=3, strict=True)]
    dp_shard: Degree
    dp_replicate: Degree
    sequence_parallel: bool
    schedule: Schedule
    recompute: RecomputeDocument
    cross_site: CrossSiteDocument
    launchable_by: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _degrees_multiply(self) -> Self:
        stage_gpus, expert_gpus = self.tp * self.cp * self.dp, self.ep * self.etp * self.edp
        if stage_gpus != expert_gpus:
            raise ValueError(
                f"expected tp * cp * dp = ep * etp * edp, found {self.tp} * {self.cp} * {self.dp}"
                f" = {stage_gpus} and {self.ep} * {self.etp} * {self.edp} = {expert_gpus}"
            )
        if self.dp_shard * self.dp_replicate != self.dp:
            raise ValueError(
                f"expected dp_shard * dp_replicate = dp, found {self.dp_shard} *"
                f" {self.dp_replicate} = {self.dp_shard * self.dp_replicate} and {self.dp}"
            )
        return self


class AxisLevelsDocument(_Part):
    """How the groups of one mesh axis spread over the levels of the cluster."""

    axis: str
    levels: dict[str, Degree]
    groups: Degree
    groups_crossing: dict[str, Count]


class CellsDocument(_Part):
    """A run of cells: ``replicas`` is (first cell, number of cells) within the stage.

    ``gpus`` are ranges (first, count) of cluster-wide accelerator numbers, in rank order.
    """

    stage: Count
    replicas: tuple[Count, Degree]
    site: str
    pod: str
    domain: str
    hosts: tuple[str, ...]
    gpus: tuple[tuple[Count, Degree], ...]


class ChunkDocument(_Part):
    """What one model chunk of one stage holds, in model order."""

    stage: Count
    chunk: Count
    first_layer: Count
    num_layers: Count
    embedding: bool
    dense: Count
    moe: Count
    mtp: Count
    loss: bool


class PlacementDocument(_Part):
    """What sits where; ``layers_per_stage`` follows from ``pipeline_layout``."""

    axis_levels: tuple[AxisLevelsDocument, ...]
    cells: tuple[CellsDocument, ...]
    pipeline_layout: tuple[ChunkDocument, ...]
    layers_per_stage: tuple[Count, ...]
    gpus_used: Degree
    gpus_available: Count
    gpus_unusable: Count
    spares: Count

    @model_validator(mode="after")
    def _layers_follow_from_layout(self) -> Self:
        layers: dict[int, int] = {}
        for chunk in self.pipeline_layout:
            layers[chunk.stage] = layers.get(chunk.stage, 0) + chunk.num_layers
        stated = dict(enumerate(self.layers_per_stage))
        if layers != stated:
            raise ValueError(
                f"expected layers_per_stage to follow from pipeline_layout, found"
                f" {list(self.layers_per_stage)} and {[n for _, n in sorted(layers.items())]}"
            )
        return self


class BreakdownDocument(_Part):
    """Seconds by component; in an alternative, differences to the chosen plan."""

    compute: Number
    tp: Number
    cp: Number
    ep: Number
    pp: Number
    bubble: Number
    dp: Number
    recompute: Number
    optimizer: Number
    cross_site: Number


class StageMemoryDocument(_Part):
    """Bytes on one GPU of one stage at its peak, by what holds them."""

    weights_bytes: Amount
    gradients_bytes: Amount
    optimizer_bytes: Amount
    activations_bytes: Amount
    buffers_bytes: Amount
    framework_bytes: Amount


class EstimateDocument(_Part):
    """What the plan costs; ``breakdown_s`` sums to ``step_time_s``."""

    step_time_s: Amount
    tokens_per_s: Amount
    tflops_per_gpu: Amount
    mfu: Amount
    hfu: Amount
    stage_time_s: tuple[Amount, ...]
    memory_bytes_per_stage: tuple[Amount, ...]
    memory_limit_bytes_per_stage: tuple[Amount, ...]
    memory_parts_per_stage: tuple[StageMemoryDocument, ...]
    breakdown_s: BreakdownDocument


class CandidatesDocument(_Part):
    """What became of the strategies the search looked at."""

    considered: Count
    pruned: dict[str, Count]
    solved: Count


class BoundDocument(_Part):
    """The proof."""

    lower_bound_s: Amount
    gap: Number
    candidates: CandidatesDocument
    deterministic_work: Amount


class AlternativeDocument(_Part):
    """A next best plan, and what it loses by component."""

    strategy: StrategyDocument
    step_time_s: Amount
    why_not: str
    distinguishable: bool
    chance_faster: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    """How often it beats the chosen plan when the constants are drawn from what is known of them."""
    loss_s: BreakdownDocument


class SimulatedDocument(_Part):
    """One of the best plans, by the estimate and by simulation."""

    strategy: StrategyDocument
    estimate_s: Amount
    simulated_s: Amount


class LinkUseDocument(_Part):
    """One direction of a link in one period between exchanges."""

    source: str
    target: str
    size_bytes: Amount
    capacity_bytes_per_s: Amount
    share: Amount


class OptionPlanDocument(_Part):
    """The best plan of an arrangement of the sites."""

    strategy: StrategyDocument
    step_time_s: Amount
    tokens_per_s: Amount
    sent_bytes: Amount
    period_s: Amount
    traffic_s: Amount
    exposed_s: Amount
    links: tuple[LinkUseDocument, ...]
    loss_change: Number
    compute_factor: Amount
    equivalent_tokens_per_s: Amount
    launchable_by: tuple[str, ...]


class PlacedWorkDocument(_Part):
    """One piece of work beside the step at its site."""

    name: str
    kind: str
    site: str
    source: str
    gpus: Count
    hosts: tuple[str, ...]
    out_bytes_per_s: Amount
    back_bytes_per_s: Amount
    broadcast_s: Amount
    staleness_steps: Count | None = None
    staleness_limit: Count | None = None


class WorkLinkDocument(_Part):
    """One direction of a link: what training and the work beside it send on average."""

    link: str
    source: str
    target: str
    training_bytes_per_s: Amount
    side_bytes_per_s: Amount
    capacity_bytes_per_s: Amount
    works: tuple[str, ...]


class SideWorkDocument(_Part):
    """All work beside the step of one job."""

    job: str
    home: str
    works: tuple[PlacedWorkDocument, ...]
    links: tuple[WorkLinkDocument, ...]


class SiteOptionDocument(_Part):
    """One arrangement of the sites, and what became of it."""

    mode: CrossSiteMode
    sites: tuple[str, ...]
    status: OptionStatus
    lower_bound_s: Amount | None
    reason: str
    plan: OptionPlanDocument | None
    notes: tuple[str, ...] = ()


class LimitsDocument(_Part):
    """What the search was allowed."""

    gap: Amount
    time_limit_s: Amount | None
    deterministic_limit: Amount
    workers: Count
    top: Count
    wall_clock_cut: bool


class ConstantDocument(_Part):
    """One constant of the cost model."""

    name: str
    value: Number
    unit: str
    kind: str
    source: str


class ProvenanceDocument(_Part):
    """Everything needed to produce the same bytes again."""

    placer_version: str
    solver: str
    solver_version: str
    seed: int
    limits: LimitsDocument
    restrictions: tuple[str, ...]
    assumptions: tuple[str, ...] = ()
    constants: tuple[ConstantDocument, ...]


class PlanDocument(BaseModel):
    """A plan as it lies on disk; an ``estimated`` one has no ``bound`` and no ``alternatives``."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", title="placer.plan/v1", populate_by_name=True
    )

    schema_id: Literal["placer.plan/v1"] = Field(alias="schema")
    status: PlanStatus
    model: ModelInput
    cluster: ClusterInput
    run: RunInput
    strategy: StrategyDocument
    placement: PlacementDocument
    estimate: EstimateDocument
    bound: BoundDocument | None = None
    alternatives: tuple[AlternativeDocument, ...] | None = None
    provenance: ProvenanceDocument
    simulated: tuple[SimulatedDocument, ...] = ()
    cross_site_options: tuple[SiteOptionDocument, ...] = ()
    side_work: SideWorkDocument | None = None

    @model_validator(mode="after")
    def _proof_fits_status(self) -> Self:
        searched = self.status is not PlanStatus.ESTIMATED
        if searched != (self.bound is not None) or searched != (self.alternatives is not None):
            raise ValueError(
                f"expected bound and alternatives exactly when the status is not estimated, found"
                f" status {self.status}"
            )
        return self
