"""The items a stage is made of, and what each costs on one micro-batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.communication import (
    Fabric,
    boundary_collectives_s,
    context_parallel_s,
    expert_parallel_s,
    expert_tensor_parallel_s,
    tensor_parallel_s,
)
from placer.cost.compute import Duration, attention_s, host_s, work_s
from placer.cost.memory import Parameters, parameters_of
from placer.cost.rates import DeviceRates
from placer.cost.recompute import selective_s
from placer.cost.stage_costs import FloatArray, Part
from placer.plan.strategy import RecomputeGranularity
from placer.spec.model import LayerClass, MlpKind, ModelSpec
from placer.spec.run import Features
from placer.workload.activations import (
    RecomputeModule,
    SavedTensor,
    kept_bytes,
    saved_tensors,
)
from placer.workload.layer import embedding_work, layer_work, loss_work, mtp_work
from placer.workload.operators import LayerWork, Shard

NONE, SELECTIVE, FULL = range(len(RecomputeGranularity))
ZERO = Duration(forward_s=np.zeros(1), backward_s=np.zeros(1))
MTP, EMBEDDING, LOSS = "mtp", "embedding", "loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One kind of thing a stage may hold: a layer class, an MTP module, the embedding, the loss."""

    name: str
    work: LayerWork
    layer: LayerClass | None
    parameters: Parameters
    saved: tuple[SavedTensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTime:
    """Exposed seconds of an item by part, (N,) each, and the FLOPs that run."""

    parts: tuple[FloatArray, ...]
    flops: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemContext:
    """What pricing an item needs beside the item; ``modules`` is what selective recompute drops."""

    model: ModelSpec
    shard: Shard
    rates: DeviceRates
    fabric: Fabric
    modules: frozenset[RecomputeModule]


def items_of(
    model: ModelSpec, shard: Shard, rates: DeviceRates, features: Features
) -> tuple[Item, ...]:
    """Every item of the model, in the order of ``StageCosts.item_names``."""

    def saved(layer: LayerClass) -> tuple[SavedTensor, ...]:
        return saved_tensors(
            model,
            layer,
            shard,
            linear_input_bytes=min(rates.operand_bytes.values()),
            fused_attention=rates.attention_fused,
            features=features,
        )

    imbalance = features.expert_imbalance

    def item(name: str, work: LayerWork, layer: LayerClass | None) -> Item:
        kept = saved(layer) if layer else ()
        parameters = parameters_of(work, model.hidden_size)
        return Item(name=name, work=work, layer=layer, parameters=parameters, saved=kept)

    layers = [
        item(layer.name, layer_work(model, layer, shard, imbalance=imbalance), layer)
        for layer in model.layer_classes
    ]
    last = model.layers[-1]
    table = Parameters(dense=model.vocab_size * model.hidden_size / shard.tp, expert=np.zeros(1))
    embedding = Item(
        name=EMBEDDING, work=embedding_work(model, shard), layer=None, parameters=table, saved=()
    )
    loss = Item(name=LOSS, work=loss_work(model, shard), layer=None, parameters=table, saved=())
    mtp = item(MTP, mtp_work(model, last, shard, imbalance=imbalance), last)
    return (*layers, mtp, embedding, loss)


def item_time(item: Item, work: ItemContext) -> ItemTime:
    """Exposed time of one item on one micro-batch, forward, backward and recomputation.

    The host's launches are a floor under each pass of the item; what exceeds the accelerator's own
    time counts as computation.
    """
    rates = work.rates
    compute = work_s(item.work, rates)
    exchanges = _exchanges(item, work, compute)
    recompute = work.fabric.batch.recompute if item.layer else np.zeros(1, dtype=np.int64)
    forward = compute.forward_s + sum(e.forward_s for e in exchanges)
    again = np.where(
        recompute == FULL,
        forward,
        np.where(recompute == SELECTIVE, selective_s(item.work, work.modules, rates), 0.0),
    )
    parts: list[FloatArray] = [compute.forward_s + compute.backward_s]
    parts += [e.forward_s + e.backward_s for e in exchanges]
    parts.append(again)
    host = host_s(item.work, rates)
    repeated = np.where(recompute == FULL, host.forward_s, 0.0)
    backward = compute.backward_s + sum(e.backward_s for e in exchanges) + again
    waits = np.maximum(host.forward_s - forward, 0.0)
    waits = waits + np.maximum(host.backward_s + repeated - backward, 0.0)
    parts[Part.COMPUTE] = parts[Part.COMPUTE] + waits
    runs = 3.0 + np.where(recompute == FULL, 1.0, 0.0)
    return ItemTime(parts=tuple(parts), flops=item.work.forward_flops * runs)


def _exchanges(
    item: Item, work: ItemContext, compute: Duration
) -> tuple[Duration, Duration, Duration]:
    """Tensor-, context- and expert-parallel communication of an item."""
    model, shard, fabric = work.model, work.shard, work.fabric
    if item.layer is None:
        return boundary_collectives_s(model, shard, fabric), ZERO, ZERO
    core = ZERO
    for attention in item.work.attention:
        core = core + attention_s(attention, work.rates)
    context = context_parallel_s(model, shard, core, fabric, work.rates.hbm_bytes_per_s)
    tensor = tensor_parallel_s(model, item.layer, shard, fabric)
    if item.layer.mlp is not MlpKind.MOE:
        return tensor, context, ZERO
    tensor = tensor + expert_tensor_parallel_s(model, shard, fabric)
    return tensor, context, expert_parallel_s(model, shard, compute, fabric)


def activation_bytes(item: Item, work: ItemContext) -> FloatArray:
    """Bytes an item keeps per micro-batch in flight under each row's recomputation.

    Full recomputation keeps the layer's input only, 2 bytes per element of the local stream.
    """
    recompute = work.fabric.batch.recompute
    if item.layer is None:
        return np.zeros(len(recompute))
    everything = kept_bytes(item.saved, frozenset())
    selected = kept_bytes(item.saved, work.modules)
    checkpoint = 2.0 * work.model.hidden_size * work.shard.local_tokens
    return np.where(
        recompute == FULL, checkpoint, np.where(recompute == SELECTIVE, selected, everything)
    )
