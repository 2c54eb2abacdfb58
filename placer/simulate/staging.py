"""From a plan to the scene of its simulation: passes, hops and collectives of every lane."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from placer.cost.items import LOSS, Item, items_of
from placer.cost.rates import DeviceRates, device_rates
from placer.cost.recorded import recorded_constants
from placer.plan.coordinates import Axis
from placer.plan.placement import ChunkLayout
from placer.plan.plan import Plan
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import Strategy
from placer.simulate.collectives import Collectives, Operation
from placer.simulate.exchanges import CellExchanges, cell_exchanges, groups_in
from placer.simulate.lanes import lanes_of
from placer.simulate.link_table import LinkTable
from placer.simulate.ops import Pass
from placer.simulate.passes import ItemPass, PassModel, PassTime, items_in
from placer.simulate.program import Code, Communicate, Run, Transfer, stage_programs
from placer.simulate.replica_traffic import ReplicaGroup, ReplicaTraffic
from placer.simulate.scene import Job, Part, Scene
from placer.simulate.sharing import SharedLinks
from placer.topology.build import build_topology
from placer.workload.activations import RecomputeModule, selective_modules
from placer.workload.operators import Shard

BF16 = 2.0
OPTIMIZER_BYTES = 30.0
"""Adam reads gradient, fp32 weight and two moments and writes the last three and a bf16 weight."""
BUCKET_PARAMETERS = 40e6
BUCKET_PARAMETERS_PER_RANK = 1e6
"""Parameters of a gradient bucket: the larger of 40 million and 1 million per replica (Megatron-LM
``core/distributed/distributed_data_parallel.py``)."""


class Staging:
    """What a plan says about its own step, laid over the links of its cluster."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.topology = build_topology(plan.cluster)
        self.constants = recorded_constants(plan.provenance.constants)
        self.table = LinkTable(self.topology, self.constants)
        self.collectives = Collectives(self.table, self.constants.collectives)
        self.gpu = gpu_of_rank(plan.strategy, plan.placement)
        self.lanes = lanes_of(plan.strategy, self.gpu, self.table)
        self.programs = stage_programs(plan.strategy)
        self.operations: list[Operation] = []
        self._priced: dict[tuple[int, int], dict[str, ItemPass]] = {}
        self._laid: dict[tuple[int, int], CellExchanges] = {}

    def scene(self) -> Scene:
        """The scene, ready to be played."""
        features = self.constants.features
        stages = range(len(self.programs))
        replicas = [self._replica_traffic(stage) for stage in stages]
        parts = {
            (lane, stage, virtual): self._parts(lane, stage, virtual, replicas[stage])
            for lane in range(len(self.lanes))
            for stage in stages
            for virtual in self._virtuals(stage)
        }
        hops = self._hops()
        phases = {
            (lane, stage): self._phases(lane, stage)
            for lane in range(len(self.lanes))
            for stage in stages
        }
        return Scene(
            programs=self.programs,
            num_lanes=len(self.lanes),
            parts=parts,
            hops=hops,
            phases=phases,
            shared=SharedLinks(self.operations, self.table.num_private),
            overlaps=self.plan.run.features.dp_overlap,
            beside=features.dp_overlap_hidden,
            drag=features.drag,
            hold=1.0 - features.stream_overlap_hidden,
            optimizer_s=max(self._optimizer_s(stage) for stage in stages),
        )

    def _virtuals(self, stage: int) -> list[int]:
        """Virtual stages that a stage runs."""
        runs = (i.op.virtual for i in self.programs[stage] if isinstance(i, Run))
        return sorted(set(runs))

    def _number(self, operation: Operation) -> int:
        self.operations.append(operation)
        return len(self.operations) - 1

    @cached_property
    def _chunks(self) -> dict[int, ChunkLayout]:
        """Chunks by virtual stage."""
        pp = self.plan.strategy.pp
        layout = self.plan.placement.pipeline_layout
        return {chunk.chunk * pp + chunk.stage: chunk for chunk in layout.chunks}

    def _parts(
        self, lane: int, stage: int, virtual: int, replicas: ReplicaTraffic
    ) -> tuple[Part, ...]:
        """The buckets of a virtual stage.

        Megatron-LM cuts up the gradients of the first chunk of the first stage only, and only to
        overlap them: the others' traffic is not on the critical path
        (``DistributedDataParallel.__init__``).
        """
        items = self._items(lane, stage)
        held = [items[name] for name in items_in(self._chunks[virtual], self.plan.model)]
        cut_up = virtual == 0 and self.plan.run.features.dp_overlap
        buckets = self._buckets(held) if cut_up else [held]
        return tuple(_part(bucket, replicas) for bucket in buckets)

    def _buckets(self, items: list[ItemPass]) -> list[list[ItemPass]]:
        """Items in buckets, filled from the last item on."""
        strategy = self.plan.strategy
        size = max(BUCKET_PARAMETERS, BUCKET_PARAMETERS_PER_RANK * strategy.dp * strategy.cp)
        buckets: list[list[ItemPass]] = [[]]
        for item in reversed(items):
            dense = sum(i.dense_parameters for i in buckets[0])
            expert = sum(i.expert_parameters for i in buckets[0])
            if max(dense, expert) >= size:
                buckets.insert(0, [])
            buckets[0].insert(0, item)
        return buckets

    def _items(self, lane: int, stage: int) -> dict[str, ItemPass]:
        """Every item by name, on the slowest accelerators the lane has at a stage."""
        key = (lane, stage)
        if key not in self._priced:
            exchanges = self.exchanges(lane, stage)
            options = [
                self._priced_items(generation, exchanges)
                for generation in self.lanes[lane].generations[stage]
            ]
            self._priced[key] = {name: _slowest([o[name] for o in options]) for name in options[0]}
        return self._priced[key]

    def exchanges(self, lane: int, stage: int) -> CellExchanges:
        """Operations of the groups in a lane's cells at one stage."""
        key = (lane, stage)
        if key not in self._laid:
            self._laid[key] = self._lay(lane, stage)
        return self._laid[key]

    def _lay(self, lane: int, stage: int) -> CellExchanges:
        plan = self.plan
        cells = self.lanes[lane].gpus(self.gpu, plan.strategy, stage)
        dispatcher = plan.run.features.moe_dispatcher
        return cell_exchanges(plan.strategy, cells, self.collectives, plan.model.moe, dispatcher)

    def _phases(self, lane: int, stage: int) -> tuple[tuple[str, int], ...]:
        """Exchanges inside the cells of a lane's stage that other traffic can slow down."""
        exchanges = self.exchanges(lane, stage).leaving_domains
        return tuple((axis, self._number(operation)) for axis, operation in exchanges)

    def _priced_items(self, generation: int, exchanges: CellExchanges) -> dict[str, ItemPass]:
        plan, rates = self.plan, self._rates(generation)
        shard = _shard(plan.strategy, plan.run.seq_len)
        model = PassModel(
            model=plan.model,
            run=plan.run,
            strategy=plan.strategy,
            constants=self.constants,
            shard=shard,
            rates=rates,
            modules=self._modules(),
            exchanges=exchanges,
        )
        items = items_of(plan.model, shard, rates, plan.run.features)
        return {item.name: model.item(self._own(item)) for item in items}

    def _own(self, item: Item) -> Item:
        """A tied output head on the embedding's own stage has no parameters of its own."""
        tied = item.name == LOSS and self.plan.model.tied_embeddings and self.plan.strategy.pp == 1
        return _without_parameters(item) if tied else item

    def _modules(self) -> frozenset[RecomputeModule]:
        named = self.plan.strategy.recompute.modules
        if named:
            return frozenset(RecomputeModule(name) for name in named)
        return frozenset(selective_modules(self.plan.model, self._rates(0).attention_fused))

    def _rates(self, generation: int) -> DeviceRates:
        return device_rates(self.topology.accelerators[generation], self.plan.run, self.constants)

    def _replica_traffic(self, stage: int) -> ReplicaTraffic:
        return ReplicaTraffic(
            strategy=self.plan.strategy,
            run=self.plan.run,
            features=self.constants.features,
            dense=self._replica_group(stage, Axis.DP_CP),
            expert=self._replica_group(stage, Axis.EDP),
        )

    def _replica_group(self, stage: int, axis: Axis) -> ReplicaGroup:
        strategy = self.plan.strategy
        ranks = self.gpu.reshape(strategy.pp, strategy.gpus_per_stage)[stage : stage + 1]
        groups = groups_in(ranks, axis, strategy)
        name = f"{axis.value} of stage {stage}"
        flat = self.plan.run.features.flat_gather
        ring = self.collectives.ring(name, groups, one_nic=flat)
        ways = self.collectives.reductions(name, groups) if strategy.zero_stage == 0 else ()
        return ReplicaGroup(
            ring=(self._number(ring), ring),
            reductions=tuple((self._number(way), way) for way in ways),
            size=groups.shape[1],
        )

    def _hops(self) -> dict[tuple[int, int, int], Job]:
        """Every way a micro-batch takes from stage to stage, on every lane."""
        strategy = self.plan.strategy
        tokens = strategy.micro_batch_size * self.plan.run.seq_len / strategy.cp
        payload = BF16 * self.plan.model.hidden_size * tokens / strategy.tp
        hops: dict[tuple[int, int, int], Job] = {}
        for source, target in self._neighbours():
            for number, lane in enumerate(self.lanes):
                gpus = [lane.gpus(self.gpu, strategy, stage).ravel() for stage in (source, target)]
                operation = self.collectives.pairs(f"pp of stages {source}-{target}", *gpus)
                hops[number, source, target] = Job(
                    operation=self._number(operation),
                    duration=operation.duration(payload),
                    payload_bytes=payload,
                )
        return hops

    def _neighbours(self) -> list[tuple[int, int]]:
        """Stages that send to each other, in order."""
        sender: dict[Transfer, int] = {}
        receiver: dict[Transfer, int] = {}
        for stage, program in enumerate(self.programs):
            for instruction in program:
                if isinstance(instruction, Communicate) and instruction.code is not Code.AWAIT:
                    side = sender if instruction.code is Code.SEND else receiver
                    side[instruction.transfer] = stage
        return sorted({(stage, receiver[transfer]) for transfer, stage in sender.items()})

    def _optimizer_s(self, stage: int) -> float:
        """Memory traffic of the optimizer on the parameters an accelerator keeps states of."""
        strategy = self.plan.strategy
        items = self._items(0, stage)
        held = [
            items[name]
            for virtual in self._virtuals(stage)
            for name in items_in(self._chunks[virtual], self.plan.model)
        ]
        sharded = strategy.zero_stage >= 1
        dense_group = strategy.dp_shard * strategy.cp if sharded else 1
        expert_group = max(strategy.edp // strategy.dp_replicate, 1) if sharded else 1
        local = sum(i.dense_parameters for i in held) / dense_group
        local += sum(i.expert_parameters for i in held) / expert_group
        slowest = min(
            self._rates(g).hbm_bytes_per_s for lane in self.lanes for g in lane.generations[stage]
        )
        fixed_s = self.constants.compute.optimizer_fixed_s
        return float(local * OPTIMIZER_BYTES / slowest + fixed_s)


def _shard(strategy: Strategy, seq_len: int) -> Shard:
    """One accelerator's share of a micro-batch, as columns of one row."""
    tokens = strategy.micro_batch_size * seq_len / strategy.cp
    local = tokens / strategy.tp if strategy.sequence_parallel else tokens
    column = {
        name: np.full(1, float(getattr(strategy, name))) for name in ("tp", "cp", "ep", "etp")
    }
    return Shard(
        seq_len=seq_len, tokens=np.full(1, tokens), local_tokens=np.full(1, local), **column
    )


def _part(items: list[ItemPass], replicas: ReplicaTraffic) -> Part:
    dense = sum(i.dense_parameters for i in items)
    expert = sum(i.expert_parameters for i in items)
    forward = sum((replicas.with_sharded_weights(i, Pass.FORWARD) for i in items), PassTime())
    backward = PassTime()
    weights = PassTime()
    for item in items:
        whole = replicas.with_sharded_weights(item, Pass.BACKWARD)
        backward += whole
        weights += PassTime(compute=item.weight_share * item.backward.total_s)
    return Part(
        passes={
            Pass.FORWARD: forward,
            Pass.BACKWARD: backward,
            Pass.INPUT_GRADIENT: backward + weights * -1.0,
            Pass.WEIGHT_GRADIENT: weights,
        },
        activation_bytes=sum(i.activation_bytes for i in items),
        gather=replicas.gathers(dense, expert),
        scatter=replicas.scatters(dense, expert),
    )


def _slowest(options: list[ItemPass]) -> ItemPass:
    """The item on the accelerators that take longest over it."""
    return max(options, key=lambda item: item.forward.total_s + item.backward.total_s)


def _without_parameters(item: Item) -> Item:
    none = np.zeros(1)
    return Item(
        name=item.name,
        work=item.work,
        layer=item.layer,
        parameters=type(item.parameters)(dense=none, expert=none),
        saved=item.saved,
    )
