"""The rules of the model, one method per family; ``add_constraints`` is its table of contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ortools.sat.python.cp_model import LinearExpr

from placer.search.cpsat.scaling import WINDOW_DENOMINATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ortools.sat.python.cp_model import BoundedLinearExpression, CpModel, IntVar, LiteralT

    from placer.search.cpsat.scaling import TimeScale
    from placer.search.cpsat.variables import Variables
    from placer.search.instance import Instance, StageOptions

ALL_LAYERS: Final = "all layers are placed"
LEAD_LAYERS: Final = "dense layers lead in order"
MEMORY: Final = "memory"
ALL_CELLS: Final = "every cell has a place"
POD_CAPACITY: Final = "pods hold no more than they can"
GENERATIONS: Final = "stages keep to their generations"

RULES: Final = (ALL_LAYERS, LEAD_LAYERS, MEMORY, ALL_CELLS, POD_CAPACITY, GENERATIONS)
"""Rules a placement may fail; the others only define times and cannot make it infeasible."""


class Constraints:
    """Adds the families of one instance to a model.

    ``guards`` maps a rule of ``RULES`` to a literal that switches it on; without one it always
    holds. The explanation of infeasible instances needs them.
    """

    def __init__(
        self,
        model: CpModel,
        instance: Instance,
        scale: TimeScale,
        variables: Variables,
        guards: Mapping[str, LiteralT] | None = None,
    ) -> None:
        self._model = model
        self._instance = instance
        self._scale = scale
        self._stages = variables.stages
        self._pods = variables.pods
        self._parts = variables.parts
        self._step = variables.step
        self._guards = dict(guards or {})

    def add_constraints(self) -> None:
        """Add every family; the order is of no matter."""
        self.add_rules()
        self._one_traffic_variant()
        self._widest_chunk()
        self._whole_stages()
        self._hops_leave_pods()
        self._hops_take_the_slower_end()
        self._few_fast_stages()
        self._critical_stage()
        self._exposed_traffic()
        self._slowest_optimizer()
        self._step_time()
        self._like_pods_in_order()

    def add_rules(self) -> None:
        """Add what a placement may fail."""
        self._one_option_per_stage()
        self._all_layers_placed()
        self._lead_layers_in_order()
        self._memory_holds()
        self._all_cells_placed()
        self._pods_hold_cells()
        self._stages_keep_to_generations()

    def _one_option_per_stage(self) -> None:
        """Each stage takes exactly one option."""
        for stage in self._stages:
            self._model.add_exactly_one(stage.options)

    def _all_layers_placed(self) -> None:
        """The stages together take every unit of the model."""
        units = LinearExpr.sum([self._chosen(s, t.units) for s, t in self._tables()])
        self._require(ALL_LAYERS, units == self._instance.num_units)

    def _lead_layers_in_order(self) -> None:
        """A stage starts with the first leading dense layer that earlier stages left."""
        if self._instance.num_lead == 0:
            return
        taken: LinearExpr | int = 0
        for s, table in self._tables():
            self._require(LEAD_LAYERS, self._chosen(s, table.lead_start) == taken)
            taken = taken + self._chosen(s, table.lead)
        self._require(LEAD_LAYERS, taken == self._instance.num_lead)

    def _memory_holds(self) -> None:
        """No stage takes an option whose peak exceeds an accelerator's memory."""
        for s, table in self._tables():
            for option, fits in zip(self._stages[s].options, table.fits, strict=True):
                if not fits:
                    self._require(MEMORY, option == 0)

    def _all_cells_placed(self) -> None:
        """The pods together host all cells of each stage."""
        for s in range(self._instance.pp if self._pods else 0):
            cells = LinearExpr.sum([pod.cells[s] for pod in self._pods])
            self._require(ALL_CELLS, cells == self._instance.cells_per_stage)

    def _pods_hold_cells(self) -> None:
        """A part of a pod hosts no more cells than fit."""
        for part, capacity in zip(self._parts, self._instance.part_cells, strict=False):
            self._require(POD_CAPACITY, LinearExpr.sum(part) <= int(capacity))

    def _stages_keep_to_generations(self) -> None:
        """A part hosts cells of a stage only where the stage's kind has the part's generation."""
        if len(self._instance.kinds) == 1:
            return
        allows = self._instance.allowed.tolist()
        for r, part in enumerate(self._parts):
            for s, cells in enumerate(part):
                kind = self._instance.options[s].kind
                allowed = self._chosen(s, [int(allows[k][r]) for k in kind])
                most = min(self._instance.cells_per_stage, int(self._instance.part_cells[r]))
                self._require(GENERATIONS, cells <= most * allowed)

    def _few_fast_stages(self) -> None:
        """No more stages are of fast kinds than all parts of their generations can host; implied."""
        kinds = self._instance.kinds
        for last in sorted({kind[-1] for kind in kinds})[:-1]:
            among = [kind[-1] <= last for kind in kinds]
            parts = self._instance.part_generation <= last
            most = int(self._instance.part_cells[parts].sum()) // self._instance.cells_per_stage
            fast = [self._chosen(s, [int(among[k]) for k in t.kind]) for s, t in self._tables()]
            self._model.add(LinearExpr.sum(fast) <= most)

    def _whole_stages(self) -> None:
        """A stage is whole in a pod when all its cells are there; a pod has room for so many."""
        cells = self._instance.cells_per_stage
        for p, pod in enumerate(self._pods):
            for count, whole in zip(pod.cells, pod.whole, strict=True):
                self._model.add(count == cells).only_enforce_if(whole)
                self._model.add(count <= cells - 1).only_enforce_if(~whole)
            capacity = int(self._instance.part_cells[self._instance.part_pod == p].sum())
            self._model.add(LinearExpr.sum(pod.whole) <= capacity // cells)

    def _one_traffic_variant(self) -> None:
        """One traffic variant holds: that of whole stages if and only if every stage is whole."""
        variants = self._step.variants
        self._model.add_exactly_one(variants)
        if not self._pods:
            return
        stages = range(self._instance.pp)
        whole = [LinearExpr.sum([pod.whole[s] for pod in self._pods]) for s in stages]
        for literal, variant in zip(variants, self._instance.variants, strict=True):
            if variant.pods == 1:
                for stage in whole:
                    self._model.add(stage == 1).only_enforce_if(literal)
            else:
                some_split = LinearExpr.sum(whole) <= self._instance.pp - 1
                self._model.add(some_split).only_enforce_if(literal)

    def _widest_chunk(self) -> None:
        """The widest chunk is as wide as the variant that holds says, to the next narrower one."""
        if not self._pods:
            return
        chunk = self._step.chunk
        picked = [(n, w) for pod in self._pods for n, w in zip(pod.cells, pod.widest, strict=True)]
        self._model.add_exactly_one([w for _, w in picked])
        for count, widest in picked:
            self._model.add(chunk >= count)
            self._model.add(chunk <= count).only_enforce_if(widest)
        widths = sorted({variant.widest for variant in self._instance.variants})
        for literal, variant in zip(self._step.variants, self._instance.variants, strict=True):
            narrower = [0, *(width for width in widths if width < variant.widest)]
            self._model.add(chunk <= variant.widest).only_enforce_if(literal)
            self._model.add(chunk >= narrower[-1] + 1).only_enforce_if(literal)

    def _hops_leave_pods(self) -> None:
        """A hop stays inside pods only between stages spread alike; between whole ones it is long."""
        for s, stage in enumerate(self._stages):
            following = (s + 1) % self._instance.pp
            if not self._pods or self._instance.pp == 1:
                self._model.add(stage.hop_far == 0)
                self._model.add(stage.hop_whole == 1)
                continue
            for pod in self._pods:
                alike = pod.cells[s] == pod.cells[following]
                self._model.add(alike).only_enforce_if(~stage.hop_far)
            whole = LinearExpr.sum([pod.whole[s] for pod in self._pods])
            self._model.add(stage.hop_whole >= whole - stage.hop_far)
            self._model.add(stage.hop_whole <= whole)
            self._model.add(stage.hop_whole + stage.hop_far <= 1)

    def _hops_take_the_slower_end(self) -> None:
        """A hop takes what the dearer of the kinds at its two ends takes."""
        if len(self._instance.kinds) == 1:
            return
        for s, stage in enumerate(self._stages):
            for end in (s, (s + 1) % self._instance.pp):
                for k in range(len(self._instance.kinds)):
                    mine = [int(j == k) for j in self._instance.options[end].kind]
                    other = 1 - self._chosen(end, mine)
                    for taken, seconds in (
                        (stage.hop_units, 0.5 * self._instance.hops.steady_s[k, :, s]),
                        (stage.fill_units, self._instance.hops.fill_s[k, :, s]),
                    ):
                        most = self._scale.up(float(seconds.max()))
                        self._model.add(taken >= self._by_hop_kind(s, seconds) - most * other)

    def _critical_stage(self) -> None:
        """The critical stage time is the longest of the stages', their two half hops included."""
        self._model.add_exactly_one([stage.slowest for stage in self._stages])
        for s, stage in enumerate(self._stages):
            time = self._stage_time(s)
            self._model.add(self._step.critical >= time)
            self._model.add(self._step.critical <= time).only_enforce_if(stage.slowest)

    def _exposed_traffic(self) -> None:
        """Exposed traffic is what the critical stage's window does not hide, or what hiding drags."""
        window = int(self._instance.window * WINDOW_DENOMINATOR)
        hidden = window * self._step.critical
        for j, literal in enumerate(self._step.variants):
            for s, table in self._tables():
                traffic = self._chosen(s, [self._scale.up(t) for t in table.traffic_s[:, j]])
                scaled = WINDOW_DENOMINATOR * (self._step.traffic - traffic)
                self._model.add(scaled >= -hidden).only_enforce_if(literal)
                drag = self._instance.drag * table.traffic_s[:, j]
                dragged = self._chosen(s, [self._scale.up(t) for t in drag])
                self._model.add(self._step.traffic >= dragged).only_enforce_if(literal)

    def _slowest_optimizer(self) -> None:
        """The optimizer takes as long as on the stage with most parameters."""
        for s, table in self._tables():
            times = [self._scale.up(t) for t in table.optimizer_s]
            self._model.add(self._step.optimizer >= self._chosen(s, times))

    def _step_time(self) -> None:
        """A step is M critical + (sum of stage times - critical) / v + hops, traffic, optimizer."""
        instance, step, v = self._instance, self._step, self._instance.vpp
        steady = (v * instance.num_microbatches - 1) * step.critical
        bubble = LinearExpr.sum([self._stage_time(s) for s in range(instance.pp)])
        once = self._fill() + step.traffic + step.optimizer + self._scale.up(instance.fixed_s)
        self._model.add(v * self._scale.quantum * step.step >= steady + bubble + v * once)

    def _like_pods_in_order(self) -> None:
        """Parts that are alike are interchangeable, so they come in order of the stages they host."""
        if self._instance.pp == 1:
            return
        last: dict[int, LinearExpr] = {}
        for part, kind in zip(self._parts, self._instance.part_class, strict=False):
            weight = LinearExpr.weighted_sum(part, list(range(len(part), 0, -1)))
            if int(kind) in last:
                self._model.add(last[int(kind)] >= weight)
            last[int(kind)] = weight

    def _stage_time(self, s: int) -> LinearExpr:
        own = self._chosen(s, [self._scale.up(t) for t in self._instance.options[s].time_s])
        return own + self._half_hop(s) + self._half_hop((s - 1) % self._instance.pp)

    def _half_hop(self, s: int) -> LinearExpr | IntVar:
        """Half of what the hop behind stage s takes."""
        if len(self._instance.kinds) > 1:
            return self._stages[s].hop_units
        return self._by_hop_kind(s, 0.5 * self._instance.hops.steady_s[0, :, s])

    def _fill(self) -> LinearExpr:
        stages = range(self._instance.pp)
        if len(self._instance.kinds) > 1:
            return LinearExpr.sum([self._stages[s].fill_units for s in stages])
        fills = self._instance.hops.fill_s[0]
        return LinearExpr.sum([self._by_hop_kind(s, fills[:, s]) for s in stages])

    def _by_hop_kind(self, s: int, seconds: Iterable[float]) -> LinearExpr:
        """What the hop behind stage s takes, of its seconds by kind."""
        near, whole, far = (self._scale.up(t) for t in seconds)
        stage = self._stages[s]
        return near + (whole - near) * stage.hop_whole + (far - near) * stage.hop_far

    def _tables(self) -> Iterable[tuple[int, StageOptions]]:
        return enumerate(self._instance.options)

    def _chosen(self, s: int, values: Iterable[int]) -> LinearExpr:
        """The value of the option that stage s takes."""
        return LinearExpr.weighted_sum(self._stages[s].options, [int(v) for v in values])

    def _require(self, rule: str, expression: BoundedLinearExpression | bool) -> None:
        constraint = self._model.add(expression)
        if rule in self._guards:
            constraint.only_enforce_if(self._guards[rule])
