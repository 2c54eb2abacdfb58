"""The search over strategies: best bound first, until nothing unexplored can be faster."""

from __future__ import annotations

import heapq
import math
import time
from collections import Counter
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.errors import TimeLimitError
from placer.plan.legality import Case
from placer.search.candidates import (
    KEPT,
    LACKS_PLACES,
    REASONS,
    Bounds,
    Costing,
    family_bounds,
    network_bound_s,
    strategy_bounds,
)
from placer.search.generations import fewest_gpus
from placer.search.inner import Candidate, Placed, place, prove, relax, start
from placer.search.result import Progress, SearchStatus
from placer.search.space import SpaceLimits, enumerate_space, first_refusal

if TYPE_CHECKING:
    from placer.plan.legality import FrameworkRules
    from placer.plan.strategy import StrategyBatch
    from placer.search.cpsat.model import SolveLimits
    from placer.search.options import SearchOptions
    from placer.search.result import ProgressListener

FIRST_WAVE: Final = 64
LARGEST_WAVE: Final = 1024
REPORT_EVERY_S: Final = 0.1
SAME_STEP: Final = 1e-6
"""Step times closer than this are the same plan under another name."""
MOST_TRIES_PER_ALTERNATIVE: Final = 12
MOST_TRIES: Final = 100
"""Strategies placed before the search gives up on a proof: bounds too loose to close."""
POLISHING_WORK: Final = 1.0
"""Deterministic solver seconds spent on a plan that is within the gap already."""
RELAXING_WORK: Final = 3.0
"""Deterministic solver seconds spent on the pooled problem of one strategy."""
IMPROVING_WORK: Final = 2.0
"""The same on the places of one strategy where generations differ: the pooled problem bounds it."""
SLOWER: Final = "slower_by_bound"

TOGETHER: Final = 128
"""Loose bounds raised at a time."""
WORTH: Final = 1.05
"""Strategies are bounded tightly up to this many times the least tight bound so far."""

Shape = tuple[int, int, int, int]


class Tier(IntEnum):
    """How much work went into a strategy's bound."""

    LOOSE = 0
    TIGHT = 1
    NETWORK = 2
    POOLED = 3


class _LimitReachedError(Exception):
    """A wall-clock or deterministic limit ended the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A candidate with the best placement found; no placement of it is faster than ``bound_s``."""

    candidate: Candidate
    placed: Placed
    bound_s: float
    proven: bool

    @property
    def step_s(self) -> float:
        """Step time by the cost model."""
        return self.placed.estimate.step_time_s


class Search:
    """One search: its frontier of families, its heap of strategies, what it found.

    ``run`` goes on until the best is proven, a limit comes or the user interrupts; what was found
    until then is read from the properties.
    """

    def __init__(
        self,
        costing: Costing,
        *,
        rules: FrameworkRules,
        options: SearchOptions,
        listener: ProgressListener | None,
    ) -> None:
        self._costing = costing
        self._rules = rules
        self._options = options
        self._listener = listener
        self._began = self._reported = time.monotonic()
        self._space = enumerate_space(
            model=costing.model.model,
            run=costing.model.run,
            rules=rules,
            limits=self._limits(),
            options=options,
        )
        self.pruned: Counter[str] = Counter(self._space.pruned)
        self._order, self._family_bound = self._open_families()
        self._next_family = 0
        self._wave = FIRST_WAVE
        self._waves: list[StrategyBatch] = []
        self._heap: list[tuple[float, tuple[int, int, int], tuple[int, int], float, Tier]] = []
        self._kinds: dict[tuple[int, int], tuple[int, ...]] = {}
        self._left_out_s = np.inf
        self._least_bound_s = np.inf
        self.solved: list[Solved] = []
        self.failed: list[Candidate] = []
        self.num_tried = 0
        self.work = 0.0
        self.status = SearchStatus.PROVEN
        self.wall_clock_cut = False

    @property
    def considered(self) -> int:
        """Strategies in the space, those pruned by rule included."""
        return self._space.considered

    @property
    def best(self) -> Solved | None:
        """The fastest plan so far."""
        return min(self.solved, key=lambda s: s.step_s, default=None)

    @property
    def lower_bound_s(self) -> float:
        """No plan of the space is faster; infinite when none is left that could be."""
        tried = min((s.bound_s for s in self.solved), default=np.inf)
        return float(min(tried, self._left_out_s, self._next_bound_s()))

    @property
    def gap(self) -> float:
        """How much slower the best plan may be than the best possible one."""
        best = self.best
        if best is None:
            return np.inf
        return max(0.0, best.step_s / min(self.lower_bound_s, best.step_s) - 1.0)

    def run(self) -> None:
        """Search, prove the best, then look for alternatives."""
        try:
            self._find_best()
            self._prove_best()
            self._find_alternatives()
        except _LimitReachedError:
            self.status = SearchStatus.LIMIT
        except KeyboardInterrupt:
            if self.best is None:
                raise
            self.status = SearchStatus.INTERRUPTED
        if self.best is not None and self.gap > self._options.gap + 1e-12:
            self.status = max(self.status, SearchStatus.LIMIT, key=list(SearchStatus).index)
        if self.best is None and self.status is SearchStatus.LIMIT:
            raise TimeLimitError(
                f"no plan within the limits ({self._spent()}), {len(self._heap)} strategies are"
                " still open. Allow more time with --time-limit."
            )

    def slower_by_bound(self) -> int:
        """Strategies never placed because their bound already tells."""
        return self.considered - self.num_tried - sum(self.pruned.values())

    def alternatives(self) -> list[Solved]:
        """The best plan of each shape, fastest first, ties left out; the best of all leads."""
        chosen: dict[Shape, Solved] = {}
        for solved in sorted(self.solved, key=lambda s: s.step_s):
            known = (abs(s.step_s / solved.step_s - 1.0) < SAME_STEP for s in chosen.values())
            if shape_of(solved.candidate) not in chosen and not any(known):
                chosen[shape_of(solved.candidate)] = solved
        return list(chosen.values())[: self._options.top]

    def _has_network(self) -> bool:
        """Whether anything between pods costs more than inside them."""
        return self._costing.pods.num_parts > 1

    def _pools_generations(self) -> bool:
        """Whether strategies are bounded by their layers and generations alone first."""
        return len(self._costing.order) > 1

    def _limits(self) -> SpaceLimits:
        """What of the cluster bounds the space."""
        topology, share = self._costing.topology, self._options.min_gpu_share
        max_gpus = min(topology.num_usable, self._options.max_gpus or topology.num_usable)
        return SpaceLimits(
            max_gpus=max_gpus,
            min_gpus=fewest_gpus(self._costing.model, self._costing.order, max_gpus, share),
            domain_gpus=topology.domain_size,
            pod_gpus=self._costing.pods.largest_gpus,
        )

    def _open_families(self) -> tuple[np.ndarray, np.ndarray]:
        if len(self._space.families) == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        bounds = family_bounds(self._space, self._costing)
        self._count(bounds.reason, self._space.num_choices)
        kept = np.flatnonzero(bounds.reason == 0)
        step_s = bounds.step_s + self._waits_s(self._space.families)
        order = kept[np.argsort(step_s[kept], kind="stable")]
        return order, step_s[order]

    def _waits_s(self, batch: StrategyBatch) -> np.ndarray:
        """What strategies wait for beside what their bounds know; (N,)."""
        return np.zeros(len(batch))

    def _count(self, reason: np.ndarray, weight: np.ndarray) -> None:
        counts = np.bincount(reason, weights=weight, minlength=len(REASONS))
        for name, count in zip(REASONS[1:], counts[1:].tolist(), strict=True):
            if count:
                self.pruned[name] += int(count)

    def _next_bound_s(self) -> float:
        family = self._family_bound[self._next_family :][:1]
        heap = self._heap[0][0] if self._heap else np.inf
        return float(min(heap, family[0] if len(family) else np.inf))

    def _find_best(self) -> None:
        """Try strategies in order of bound until the best is within the gap of the next."""
        while np.isfinite(bound := self._next_bound_s()):
            self._tick()
            best = self.best
            if best is not None and best.step_s <= bound * (1.0 + self._options.gap):
                return
            candidate = self._pop(relaxing=True)
            if candidate is not None:
                self._try(candidate, prove_it=True)

    def _prove_best(self) -> None:
        """The solver places the chosen strategy; repeated while that changes the choice."""
        while (best := self.best) is not None and not best.proven:
            self._tick()
            self._solve(best.candidate, known=best)

    def _find_alternatives(self) -> None:
        """Place further strategies of other shapes, without proof, until they are surely the next."""
        tries = MOST_TRIES_PER_ALTERNATIVE * (self._options.top - 1)
        while tries > 0 and np.isfinite(bound := self._next_bound_s()):
            self._tick()
            known = self.alternatives()
            if len(known) >= self._options.top and known[-1].step_s <= bound:
                return
            candidate = self._pop(relaxing=False)
            if candidate is None:
                continue
            shapes = {shape_of(s.candidate): s.step_s for s in known}
            if shapes.get(shape_of(candidate), np.inf) <= candidate.bound_s:
                self._left_out_s = min(self._left_out_s, candidate.bound_s)
                self.pruned[SLOWER] += 1
                continue
            self._try(candidate, prove_it=False)
            tries -= 1

    def _pop(self, *, relaxing: bool) -> Candidate | None:
        """The open strategy of least bound; None after expanding families or refining a bound.

        With ``relaxing`` the pooled problem is solved where generations differ.
        """
        family = self._family_bound[self._next_family :][:1]
        if len(family) and (not self._heap or family[0] <= self._heap[0][0]):
            self._expand()
            return None
        if self._heap[0][-1] is Tier.LOOSE:
            self._tighten()
            return None
        bound, _, (wave, row), critical, tier = heapq.heappop(self._heap)
        batch = self._waves[wave].take(np.array([row]))
        if tier is Tier.TIGHT and self._has_network():
            network = network_bound_s(batch, critical, self._costing)
            bound = max(bound, network + float(self._waits_s(batch)[0]))
            if np.isfinite(bound):
                self._push(bound, critical, (wave, row), Tier.NETWORK)
            else:
                self._count(np.array([LACKS_PLACES]), np.ones(1))
            return None
        candidate = Candidate(
            batch=batch, bound_s=bound, critical_s=critical, kinds=self._kinds.get((wave, row), ())
        )
        if relaxing and self._pools_generations() and tier is not Tier.POOLED:
            return self._relax(candidate, (wave, row))
        return candidate

    def _relax(self, candidate: Candidate, place: tuple[int, int]) -> Candidate | None:
        """Bound a strategy by its layers and generations; queued again unless it is the first."""
        best = self.best
        cut = np.inf if best is None else best.step_s
        limits = replace(self._solve_limits(0.2, RELAXING_WORK), presolve=True)
        relaxed = relax(candidate, self._costing, cut_s=cut, limits=limits)
        self.work += relaxed.deterministic_work
        if best is None:
            return replace(candidate, bound_s=relaxed.bound_s, kinds=relaxed.kinds)
        self._kinds[place] = relaxed.kinds
        self._push(relaxed.bound_s, candidate.critical_s, place, Tier.POOLED)
        return None

    def _solve_limits(self, gap_share: float, work: float) -> SolveLimits:
        from placer.search.cpsat.model import SolveLimits

        return SolveLimits(
            gap=gap_share * self._options.gap,
            deterministic=work,
            seconds=self._remaining_s(),
            seed=self._options.seed,
            workers=self._options.workers,
        )

    def _expand(self) -> None:
        """Turn the next families into legal strategies with their bounds."""
        families = self._order[self._next_family : self._next_family + self._wave]
        self._next_family += len(families)
        self._wave = min(2 * self._wave, LARGEST_WAVE)
        batch, _ = self._space.expand(families)
        model = self._costing.model
        refusal = first_refusal(self._rules, Case(model=model.model, run=model.run, batch=batch))
        for index in refusal[refusal >= 0]:
            self.pruned[self._rules.rules[index].name] += 1
        batch = batch.take(refusal < 0)
        if len(batch) == 0:
            return
        bounds = strategy_bounds(batch, self._costing, worth_s=WORTH * self._least_bound_s)
        self._count(bounds.reason, np.ones(len(batch)))
        self._waves.append(batch)
        self._push_all(bounds, len(self._waves) - 1, np.arange(len(batch)))

    def _tighten(self) -> None:
        """Raise the bounds of the next few strategies that were left loose."""
        rows: dict[int, list[int]] = {}
        for _ in range(TOGETHER):
            if not self._heap or self._heap[0][-1] is not Tier.LOOSE:
                break
            wave, row = heapq.heappop(self._heap)[2]
            rows.setdefault(wave, []).append(row)
        for wave, found in rows.items():
            where = np.array(found)
            bounds = strategy_bounds(self._waves[wave].take(where), self._costing)
            self._push_all(bounds, wave, where)

    def _push_all(self, bounds: Bounds, wave: int, rows: np.ndarray) -> None:
        """Queue the strategies that are kept; count those that no placement can hold."""
        step_s = bounds.step_s + self._waits_s(self._waves[wave].take(rows))
        for at in np.flatnonzero(np.isfinite(step_s)).tolist():
            bound, critical = float(step_s[at]), float(bounds.critical_s[at])
            tier = Tier.TIGHT if bounds.tight[at] else Tier.LOOSE
            self._push(bound, critical, (wave, int(rows[at])), tier)
            if tier is Tier.TIGHT:
                self._least_bound_s = min(self._least_bound_s, bound)
        dropped = (bounds.reason == KEPT) & ~np.isfinite(bounds.step_s)
        self._count(np.where(dropped, LACKS_PLACES, KEPT), np.ones(len(rows)))

    def _push(self, bound: float, critical: float, place: tuple[int, int], tier: Tier) -> None:
        """Queue a strategy; bounds that agree to a millionth tie, and the simpler one comes first."""
        wave, row = place
        batch = self._waves[wave]
        grain = SAME_STEP * 2.0 ** math.floor(math.log2(bound))
        simplicity = (
            int(batch.cp[row]),
            int(batch.micro_batch_size[row]),
            int(batch.vpp[row]),
        )
        floor = math.floor(bound / grain) * grain
        heapq.heappush(self._heap, (floor, simplicity, place, critical, tier))

    def _try(self, candidate: Candidate, *, prove_it: bool) -> None:
        """Place a candidate without the solver, and with it where its bound stays open."""
        self.num_tried += 1
        instance, assignment = start(candidate, self._costing)
        known = None
        if assignment is not None:
            placed = place(candidate, self._costing, instance, assignment)
            known = Solved(
                candidate=candidate, placed=placed, bound_s=candidate.bound_s, proven=False
            )
            self.solved.append(known)
            if known.step_s <= candidate.bound_s * (1.0 + 0.5 * self._options.gap):
                return
        if prove_it:
            self._solve(candidate, known=known)
        else:
            self._left_out_s = min(self._left_out_s, candidate.bound_s)

    def _solve(self, candidate: Candidate, *, known: Solved | None) -> None:
        """Let the solver place a candidate, or show that it cannot become the best."""
        options, best = self._options, self.best
        instance, assignment = start(candidate, self._costing)
        cut = best.step_s if best is not None else np.inf
        work = 0.5 * max(options.deterministic_limit - self.work, 0.0)
        if known is not None and self.gap <= options.gap:
            work = min(work, POLISHING_WORK)
        elif len(self._costing.order) > 1:
            work = min(work, IMPROVING_WORK)
        proof = prove(
            candidate,
            self._costing,
            instance,
            assignment if known is not None and known.step_s <= cut else None,
            cut_s=cut,
            limits=self._solve_limits(0.5, work),
            tick=self._tick,
        )
        self.work += proof.deterministic_work
        self.wall_clock_cut |= proof.wall_clock_cut
        placed = proof.placed
        if known is not None:
            self.solved.remove(known)
            if placed is None or known.step_s <= placed.estimate.step_time_s:
                placed = known.placed
        if placed is None:
            self.failed.append(candidate)
            self._left_out_s = min(self._left_out_s, proof.bound_s)
        else:
            bound = min(proof.bound_s, placed.estimate.step_time_s)
            solved = Solved(candidate=candidate, placed=placed, bound_s=bound, proven=True)
            self.solved.append(solved)

    def _tick(self) -> None:
        """Report about ten times a second; raise when a limit is reached."""
        now = time.monotonic()
        if self._listener is not None and now - self._reported >= REPORT_EVERY_S:
            self._reported = now
            self._listener(self._progress(now))
        if self._remaining_s() == 0.0:
            self.wall_clock_cut = True
            raise _LimitReachedError
        if self.work >= self._options.deterministic_limit or self.num_tried >= MOST_TRIES:
            raise _LimitReachedError

    def _progress(self, now: float) -> Progress:
        best = self.best
        return Progress(
            incumbent_s=best.step_s if best is not None else np.inf,
            lower_bound_s=self.lower_bound_s,
            gap=self.gap,
            elapsed_s=now - self._began,
            candidates=self.considered,
            solved=self.num_tried,
        )

    def _remaining_s(self) -> float | None:
        limit = self._options.time_limit_s
        return None if limit is None else max(0.0, limit - (time.monotonic() - self._began))

    def _spent(self) -> str:
        spent = time.monotonic() - self._began
        return f"{spent:.1f} s, {self.work:.1f} deterministic solver seconds"


def shape_of(candidate: Candidate) -> Shape:
    """What makes two plans different: tp, ep, pp, and cp beyond what larger micro-batches undo.

    Twice the cp and twice the micro-batch leave each accelerator the same tokens.
    """
    batch = candidate.batch
    cp, size = int(batch.cp[0]), int(batch.micro_batch_size[0])
    return (int(batch.tp[0]), cp // math.gcd(cp, size), int(batch.ep[0]), int(batch.pp[0]))


def without_gpu_share(options: SearchOptions) -> SearchOptions:
    """The same search among strategies that leave most GPUs idle too."""
    return replace(options, min_gpu_share=0.0)
