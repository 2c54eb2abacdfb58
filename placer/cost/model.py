"""The cost model: strategies and placements in, seconds and bytes out; solver-free and pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.cost.assembly import assemble
from placer.cost.communication import Fabric
from placer.cost.constants import Constants
from placer.cost.data_parallel import data_parallel_costs, optimizer_s_per_parameter
from placer.cost.hops import hop_times_s
from placer.cost.items import (
    EMBEDDING,
    FULL,
    LOSS,
    MTP,
    Item,
    ItemContext,
    activation_bytes,
    item_time,
    items_of,
)
from placer.cost.memory import (
    Parameters,
    allocatable_bytes,
    beside_gradients,
    logits_bytes,
    state_bytes,
)
from placer.cost.rates import DeviceRates, device_rates
from placer.cost.spans import AxisSpans, spans_of
from placer.cost.stage_costs import FloatArray, StageCosts
from placer.plan.estimate import Estimate
from placer.plan.placement import Placement
from placer.plan.strategy import Strategy, StrategyBatch
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.workload.activations import RecomputeModule, kept_bytes, selective_modules
from placer.workload.operators import Shard

if TYPE_CHECKING:
    from placer.topology.tree import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTerms:
    """What an arrangement between sites adds to every strategy.

    ``exchanged_s`` is traffic between sites in each step, hidden like gradient traffic;
    ``outer_bytes`` per parameter is the state of an outer optimizer.
    """

    exchanged_s: float = 0.0
    outer_bytes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """One question: this model, on this cluster, run like this, under these constants."""

    model: ModelSpec
    topology: Topology
    run: RunSpec
    constants: Constants
    site_terms: SiteTerms = SiteTerms()

    @property
    def item_names(self) -> tuple[str, ...]:
        """Names of the items a stage may hold, in the order of ``StageCosts``."""
        return (*(c.name for c in self.model.layer_classes), MTP, EMBEDDING, LOSS)

    def rates(self, generation: int) -> DeviceRates:
        """Sustained rates of one accelerator generation of the cluster."""
        return device_rates(self.topology.accelerators[generation], self.run, self.constants)

    def modules(self, strategy: Strategy | None = None) -> frozenset[RecomputeModule]:
        """What selective recomputation drops: as the strategy says, or the model's usual set."""
        if strategy is not None and strategy.recompute.modules:
            return frozenset(RecomputeModule(name) for name in strategy.recompute.modules)
        return frozenset(selective_modules(self.model, self.rates(0).attention_fused))

    def coefficients(
        self,
        batch: StrategyBatch,
        spans: AxisSpans,
        generation: int = 0,
        modules: frozenset[RecomputeModule] | None = None,
    ) -> StageCosts:
        """Stage coefficients of N strategies whose groups span the cluster as ``spans`` says."""
        modules = self.modules() if modules is None else modules
        rates = self.rates(generation)
        fabric = Fabric(
            batch=batch,
            spans=spans,
            levels=self.topology.generation_levels[generation],
            constants=self.constants,
            run=self.run,
        )
        shard = shard_of(batch, self.run.seq_len)
        items = items_of(self.model, shard, rates, self.run.features)
        work = ItemContext(
            model=self.model, shard=shard, rates=rates, fabric=fabric, modules=modules
        )
        times = [item_time(item, work) for item in items]
        rows = (len(batch),)

        def column(values: list[FloatArray]) -> FloatArray:
            return np.stack([np.broadcast_to(v, rows) for v in values], axis=-1)

        hop = hop_times_s(self.model.hidden_size, shard, fabric)
        parameters = [self._parameters(item, batch) for item in items]
        stage = self._mean_stage(items, parameters, batch)
        dp = data_parallel_costs(stage, self.model.num_layers, fabric)
        dense_s, expert_s = optimizer_s_per_parameter(fabric, rates.hbm_bytes_per_s)
        outer_bytes = self.site_terms.outer_bytes
        states = [state_bytes(p, batch, self.run, outer_bytes) for p in parameters]
        saved = [
            beside_gradients(activation_bytes(item, work), state.gradients, batch)
            for item, state in zip(items, states, strict=True)
        ]
        transient = self._transient(items, batch)
        logits = logits_bytes(self.model, shard, self.run.features)
        unshared = np.maximum(logits - transient, 0.0)
        return StageCosts(
            item_names=self.item_names,
            time_s=np.stack(
                [column([t.parts[p] for t in times]) for p in range(len(times[0].parts))], axis=1
            ),
            flops=column([t.flops for t in times]),
            hop_steady_s=hop.steady_s,
            hop_fill_s=hop.fill_s,
            dp_s=column([p.dense * dp.dense_s + p.expert * dp.expert_s for p in parameters]),
            dp_latency_s=np.broadcast_to(dp.latency_s + self.site_terms.exchanged_s, rows),
            dp_window=np.broadcast_to(dp.window, rows),
            dp_drag=np.broadcast_to(dp.drag, rows),
            optimizer_s=column([p.dense * dense_s + p.expert * expert_s for p in parameters]),
            optimizer_fixed_s=self.constants.compute.optimizer_fixed_s,
            weights_bytes=column([s.weights for s in states]),
            gradients_bytes=column([s.gradients for s in states]),
            optimizer_bytes=column([s.optimizer for s in states]),
            activation_bytes=column(saved),
            buffer_bytes=column([unshared if i.name == LOSS else np.zeros(1) for i in items]),
            transient_bytes=transient,
            fixed_bytes=self.constants.memory.workspace_bytes,
        )

    def estimate(self, strategy: Strategy, placement: Placement) -> Estimate:
        """Step time by component, memory by stage, MFU of one strategy on one placement."""
        if strategy.cross_site.shares:
            from placer.cost.sites import estimate_across

            return estimate_across(self, strategy, placement)
        return self.estimate_inside(strategy, placement)

    def estimate_inside(self, strategy: Strategy, placement: Placement) -> Estimate:
        """The estimate without what crosses sites, but for the terms given to this model."""
        batch = StrategyBatch.of((strategy,))
        spans = spans_of(placement, tuple(level.name for level in self.topology.levels))
        modules = self.modules(strategy)
        costs = tuple(
            self.coefficients(batch, spans, generation, modules)
            for generation in range(len(self.topology.accelerators))
        )
        limits = tuple(self.memory_limit_bytes(g) for g in range(len(costs)))
        return assemble(
            model=self.model,
            topology=self.topology,
            run=self.run,
            strategy=strategy,
            placement=placement,
            costs=costs,
            limits_bytes=limits,
            exchanged_s=self.site_terms.exchanged_s,
        )

    def memory_limit_bytes(self, generation: int) -> float:
        """What a stage's tensors may add up to on an accelerator of this generation."""
        accelerator = self.topology.accelerators[generation]
        allocator = self.run.features.allocator
        return allocatable_bytes(accelerator, allocator, self.constants.memory)

    def _parameters(self, item: Item, batch: StrategyBatch) -> Parameters:
        """Parameters of an item; a tied head on the embedding's own stage adds none."""
        if item.name == LOSS and self.model.tied_embeddings:
            own_copy = batch.pp > 1
            return Parameters(dense=item.parameters.dense * own_copy, expert=np.zeros(1))
        return item.parameters

    def _mean_stage(
        self, items: tuple[Item, ...], parameters: list[Parameters], batch: StrategyBatch
    ) -> Parameters:
        """Parameters of a stage that holds its even share of everything."""
        counts = np.array([self._count(item) for item in items])
        dense = sum(c * p.dense for c, p in zip(counts, parameters, strict=True)) / batch.pp
        expert = sum(c * p.expert for c, p in zip(counts, parameters, strict=True)) / batch.pp
        return Parameters(dense=np.asarray(dense), expert=np.asarray(expert))

    def _count(self, item: Item) -> int:
        if item.name == MTP:
            return self.model.mtp_layers
        if item.name in (EMBEDDING, LOSS):
            return 1
        return sum(1 for layer in self.model.layers if layer == item.layer)

    def _transient(self, items: tuple[Item, ...], batch: StrategyBatch) -> FloatArray:
        """What the layer at work holds beside what is kept.

        Under full recomputation its whole activations; under ZeRO-3 the gathered weights of this
        and the next layer and this one's gradients, 2 bytes each.
        """
        rows = (len(batch),)
        layers = [i for i in items if i.layer is not None]
        whole = [np.broadcast_to(kept_bytes(i.saved, frozenset()), rows) for i in layers]
        size = [np.broadcast_to(i.parameters.dense + i.parameters.expert, rows) for i in layers]
        again = np.where(batch.recompute == FULL, np.max(np.stack(whole), axis=0), 0.0)
        gathered = np.where(batch.zero_stage >= 3, 6.0 * np.max(np.stack(size), axis=0), 0.0)
        return again + gathered


def shard_of(batch: StrategyBatch, seq_len: int) -> Shard:
    """Each strategy's share of a micro-batch."""
    tokens = batch.micro_batch_size * seq_len / batch.cp
    return Shard(
        seq_len=seq_len,
        tokens=tokens,
        local_tokens=np.where(batch.sequence_parallel > 0, tokens / batch.tp, tokens),
        tp=batch.tp.astype(np.float64),
        cp=batch.cp.astype(np.float64),
        ep=batch.ep.astype(np.float64),
        etp=batch.etp.astype(np.float64),
    )
