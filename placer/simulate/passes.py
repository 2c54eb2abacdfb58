"""How long each pass through a virtual stage keeps its accelerators, and what it leaves behind.

Durations of operators are the cost model's lowest level (``cost.compute``); which collectives a
layer runs, and what hides behind what, is laid out here once more from the frameworks' own rules.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from placer.cost.compute import attention_s, gemm_s, host_s, work_s
from placer.cost.constants import Constants
from placer.cost.items import EMBEDDING, LOSS, MTP, Item
from placer.cost.rates import DeviceRates
from placer.cost.recompute import selective_s
from placer.plan.placement import ChunkLayout
from placer.plan.strategy import RecomputeGranularity, Strategy
from placer.simulate.exchanges import CellExchanges
from placer.spec.model import MlpKind, ModelSpec
from placer.spec.run import RunSpec
from placer.workload.activations import RecomputeModule, kept_bytes
from placer.workload.attention import key_value_width, projection_width
from placer.workload.operators import Shard

BF16 = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PassTime:
    """Seconds of one pass by component, which follow each other, and what its groups exchange.

    ``<axis>_moving_s`` is the part of the pass in which bytes of an axis are under way and seen, and
    ``<axis>_bytes`` the payload, as ``Operation.duration`` was asked for it.
    """

    compute: float = 0.0
    tp: float = 0.0
    cp: float = 0.0
    ep: float = 0.0
    recompute: float = 0.0
    dp: float = 0.0
    tp_moving_s: float = 0.0
    cp_moving_s: float = 0.0
    ep_moving_s: float = 0.0
    tp_bytes: float = 0.0
    cp_bytes: float = 0.0
    etp_bytes: float = 0.0
    ep_bytes: float = 0.0

    @property
    def total_s(self) -> float:
        """Seconds from start to end."""
        return self.compute + self.tp + self.cp + self.ep + self.recompute + self.dp

    def __add__(self, other: PassTime) -> PassTime:
        return PassTime(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def __mul__(self, factor: float) -> PassTime:
        return PassTime(**{f.name: getattr(self, f.name) * factor for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPass:
    """One item of a virtual stage: its passes, parameters on one accelerator, kept activations.

    ``weight_share`` is the part of the backward pass that makes weight gradients.
    """

    forward: PassTime
    backward: PassTime
    weight_share: float
    dense_parameters: float
    expert_parameters: float
    activation_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PassModel:
    """What prices the items of one lane's stage: the model and run, rates, its cells' exchanges."""

    model: ModelSpec
    run: RunSpec
    strategy: Strategy
    constants: Constants
    shard: Shard
    rates: DeviceRates
    modules: frozenset[RecomputeModule]
    exchanges: CellExchanges

    def item(self, item: Item) -> ItemPass:
        """One item, priced."""
        forward = self._forward(item)
        again, relaunches = self._recomputation(item, forward)
        backward = self._backward(item) + again
        weights = sum(_one(gemm_s(g, self.rates).backward_s) for g in item.work.gemms) / 2.0
        weight_share = weights / backward.total_s if backward.total_s else 0.0
        forward, backward = self._with_launches(item, forward, backward, relaunches)
        return ItemPass(
            forward=forward,
            backward=backward,
            weight_share=weight_share,
            dense_parameters=_one(item.parameters.dense),
            expert_parameters=_one(item.parameters.expert),
            activation_bytes=self._kept_bytes(item),
        )

    def _with_launches(
        self, item: Item, forward: PassTime, backward: PassTime, relaunches: float
    ) -> tuple[PassTime, PassTime]:
        """The passes, with what the accelerator waits for the host counted as computation.

        The host catches up in one pass with what it lost in the other, unless something makes it
        wait for the accelerator in between: an expert dispatcher that asks for counts, or transfers
        between stages that it synchronises with (Megatron-LM ``batch_p2p_sync``; its interleaved
        schedule does not).
        """
        host = host_s(item.work, self.rates)
        launches = _one(host.forward_s)
        ahead_s = launches - forward.total_s
        behind_s = _one(host.backward_s) + relaunches * launches - backward.total_s
        if not self._waits_for_accelerator(item):
            both_s = max(ahead_s + behind_s, 0.0)
            ahead_s = min(max(ahead_s, 0.0), both_s)
            behind_s = both_s - ahead_s
        return (
            forward + PassTime(compute=max(ahead_s, 0.0)),
            backward + PassTime(compute=max(behind_s, 0.0)),
        )

    def _waits_for_accelerator(self, item: Item) -> bool:
        blocking_transfers = self.strategy.pp > 1 and self.strategy.vpp == 1
        return blocking_transfers or _routed(item)

    def _forward(self, item: Item) -> PassTime:
        compute = PassTime(compute=_one(work_s(item.work, self.rates).forward_s))
        return compute + self._exchanged(item, backward=False)

    def _backward(self, item: Item) -> PassTime:
        compute = PassTime(compute=_one(work_s(item.work, self.rates).backward_s))
        return compute + self._exchanged(item, backward=True)

    def _exchanged(self, item: Item, *, backward: bool) -> PassTime:
        """What all groups of the cell exchange in one pass, as far as it shows."""
        return (
            self._tensor(item, backward=backward)
            + self._expert_tensor(item)
            + self._context(item, backward=backward)
            + self._expert(item, backward=backward)
        )

    def _recomputation(self, item: Item, forward: PassTime) -> tuple[PassTime, float]:
        """What runs again before the backward pass, and the share of launches it repeats."""
        granularity = self.strategy.recompute.granularity
        if item.layer is None or granularity is RecomputeGranularity.NONE:
            return PassTime(), 0.0
        if granularity is RecomputeGranularity.FULL:
            silent = dict.fromkeys(("compute", "tp", "cp", "ep"), 0.0)
            return replace(forward, recompute=forward.total_s, **silent), 1.0
        again_s = _one(selective_s(item.work, self.modules, self.rates))
        return PassTime(recompute=again_s), 0.0

    def _tensor(self, item: Item, *, backward: bool) -> PassTime:
        """Exposed tensor-parallel collectives of one pass.

        With sequence parallelism a block gathers its input and scatters its output forward; backward
        it gathers the output's gradient, gathers the saved input again and scatters the input's
        gradient, the last two beside a product each (Korthikanti et al., arXiv 2205.05198, figure 5;
        Megatron-LM ``core/tensor_parallel/layers.py``). Without, it all-reduces once each way.
        """
        if self.strategy.tp == 1:
            return PassTime()
        features, exchanges = self.constants.features, self.exchanges
        near = exchanges.tp_inside_domain
        size = BF16 * self.model.hidden_size * _one(self.shard.tokens)
        overlaps = near and self.run.features.tp_backward_overlap
        beside = features.tp_backward_hidden if overlaps else 0.0
        if self.strategy.sequence_parallel:
            once = exchanges.tp.duration(size)
            shown = 1.0 + 2.0 * (1.0 - beside) if backward else 2.0
            passes = 3.0 if backward else 2.0
        else:
            once = exchanges.reduction(size)
            shown = 1.0 - beside if backward else 1.0
            passes = 2.0
        if self.run.features.tp_comm_overlap and near:
            shown *= 1.0 - features.overlap_hidden
        blocks = self._blocks(item)
        return PassTime(
            tp=once.total_s * shown * blocks,
            tp_moving_s=once.transfer_s * shown * blocks,
            tp_bytes=size * passes * blocks,
        )

    def _blocks(self, item: Item) -> float:
        """Blocks around which tensor-parallel ranks communicate; half a one at the model's ends."""
        if item.layer is None:
            return 0.5
        moe = self.model.moe
        if item.layer.mlp is MlpKind.MOE and moe is not None:
            return 2.0 if moe.shared_ffn_hidden_size else 1.0
        return 1.0 if self.model.parallel_block else 2.0

    def _expert_tensor(self, item: Item) -> PassTime:
        """Gather and scatter of routed tokens over an expert-tensor group, either way."""
        moe = self.model.moe
        if moe is None or not _routed(item) or self.strategy.etp == 1:
            return PassTime()
        routed = _one(self.shard.tokens / self.shard.tp) * moe.top_k * self.strategy.etp
        size = BF16 * self.model.hidden_size * routed
        once = self.exchanges.etp.duration(size).total_s
        return PassTime(tp=2.0 * once, etp_bytes=2.0 * size)

    def _context(self, item: Item, *, backward: bool) -> PassTime:
        """What a ring of key/value blocks keeps the attention waiting (arXiv 2310.01889, section 3).

        cp steps, each on one block; all but the last receive the next block meanwhile. Backward,
        gradients travel with the blocks.
        """
        cp = self.strategy.cp
        if cp == 1 or item.layer is None:
            return PassTime()
        width = key_value_width(self.model.attention, self.shard)
        size = BF16 * _one(width * self.shard.tokens) * cp
        passes = 2.0 if backward else 1.0
        gather = self.exchanges.cp.duration(size)
        step_s = passes * gather.total_s / (cp - 1)
        cores = [attention_s(core, self.rates) for core in item.work.attention]
        core_s = sum(_one(c.backward_s if backward else c.forward_s) for c in cores)
        hidden_s = self.constants.features.stream_overlap_hidden * core_s / cp
        shown_s = (cp - 1) * max(step_s - hidden_s, 0.0)
        merge_s = (cp - 1) * self._merge_s(backward=backward)
        return PassTime(
            cp=shown_s + merge_s,
            cp_moving_s=shown_s * gather.transfer_s / gather.total_s,
            cp_bytes=passes * size,
        )

    def _merge_s(self, *, backward: bool) -> float:
        """Adding a ring step's part to the running output, or to the running gradients.

        The running value is read and written in fp32 and the part read in 16 bits
        (TransformerEngine ``context_parallel.py``).
        """
        attention = self.model.attention
        if backward:
            width = _one(projection_width(attention, self.shard))
        else:
            width = attention.num_heads * attention.v_head_dim / self.strategy.tp
        size = width * _one(self.shard.tokens)
        return self.rates.kernels.ring_merge_bytes * size / self.rates.hbm_bytes_per_s

    def _expert(self, item: Item, *, backward: bool) -> PassTime:
        """Dispatch and combine of one pass, less what an overlapping schedule hides."""
        if not _routed(item) or self.strategy.ep == 1:
            return PassTime()
        size = BF16 * self.model.hidden_size * _one(self.shard.tokens / self.shard.tp)
        once = self.exchanges.ep.duration(size)
        both = 2.0 * once.total_s
        hidden_s = 0.0
        if self.run.features.ep_overlap:
            cover = work_s(item.work, self.rates)
            most_s = _one(cover.backward_s if backward else cover.forward_s)
            hidden_s = min(self.constants.features.overlap_hidden * both, most_s)
        shown_s = both - hidden_s
        return PassTime(
            ep=shown_s,
            ep_moving_s=shown_s * once.transfer_s / once.total_s,
            ep_bytes=2.0 * size,
        )

    def _kept_bytes(self, item: Item) -> float:
        """Activations of one micro-batch; with full recomputation a layer keeps its input only."""
        if item.layer is None:
            return 0.0
        granularity = self.strategy.recompute.granularity
        if granularity is RecomputeGranularity.FULL:
            return BF16 * self.model.hidden_size * _one(self.shard.local_tokens)
        dropped = self.modules if granularity is RecomputeGranularity.SELECTIVE else frozenset()
        return _one(kept_bytes(item.saved, dropped))


def items_in(chunk: ChunkLayout, model: ModelSpec) -> tuple[str, ...]:
    """Names of a chunk's items in model order."""
    layers = model.layers[chunk.first_layer : chunk.first_layer + chunk.num_layers]
    return (
        *([EMBEDDING] if chunk.embedding else []),
        *(layer.name for layer in layers),
        *([MTP] * chunk.num_mtp),
        *([LOSS] if chunk.loss else []),
    )


def _routed(item: Item) -> bool:
    return item.layer is not None and item.layer.mlp is MlpKind.MOE


def _one(values: object) -> float:
    """The only row of a column over strategies."""
    return float(np.ravel(np.asarray(values))[0])
