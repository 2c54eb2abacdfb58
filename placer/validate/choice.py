"""Whether the faster of two measured configurations is the one predicted faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from placer.validate.predict import Outcome

NOTABLE: Final = 0.05
"""Two times closer than this are no choice: runs repeat to a few percent."""

MIN_CONFIGURATIONS: Final = 5
"""Configurations a question needs before the regret of its answer says anything."""

Question = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """One question: a model, GPUs and a batch, and configurations measured for it.

    ``regret`` is the measured time of the configuration predicted fastest over the best measured
    time, less one.
    """

    model: str
    accelerator: str
    gpus: int
    global_batch_size: int
    configurations: int
    chosen: str
    best: str
    regret: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceAccuracy:
    """Pairs that differ notably and how many were ordered rightly; regrets, worst first."""

    pairs: int
    named: int
    regrets: tuple[Regret, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of pairs whose faster one was named; None without pairs."""
        return self.named / self.pairs if self.pairs else None

    @property
    def mean_regret(self) -> float | None:
        """Mean over the questions; None without any."""
        return sum(r.regret for r in self.regrets) / len(self.regrets) if self.regrets else None

    @property
    def max_regret(self) -> float | None:
        """Of the worst question; None without any."""
        return max((r.regret for r in self.regrets), default=None)


def choice_accuracy(outcomes: Sequence[Outcome]) -> ChoiceAccuracy:
    """Compare configurations that answer the same question."""
    questions: dict[Question, list[Outcome]] = {}
    for outcome in outcomes:
        questions.setdefault(_question(outcome), []).append(outcome)
    pairs = named = 0
    for group in questions.values():
        judged = [_names_faster(a, b) for a, b in combinations(group, 2) if _differ(a, b)]
        pairs += len(judged)
        named += sum(judged)
    regrets = [_regret(g) for g in questions.values() if len(g) >= MIN_CONFIGURATIONS]
    ordered = sorted(regrets, key=lambda r: (-r.regret, r.model, r.best))
    return ChoiceAccuracy(pairs=pairs, named=named, regrets=tuple(ordered))


def _question(outcome: Outcome) -> Question:
    """What is given: the model's shape, the sequence, the accelerators and the batch.

    A model is the same under another name.
    """
    measured = outcome.measured
    shape = measured.model.model_copy(update={"name": ""})
    return (
        shape.model_dump_json(),
        measured.run.seq_len,
        measured.run.global_batch_size,
        measured.accelerator,
        measured.strategy.num_gpus,
    )


def _differ(a: Outcome, b: Outcome) -> bool:
    slower, faster = _ordered(a.measured.measured_s, b.measured.measured_s)
    return slower / faster - 1.0 > NOTABLE


def _ordered(a: float, b: float) -> tuple[float, float]:
    return max(a, b), min(a, b)


def _names_faster(a: Outcome, b: Outcome) -> bool:
    measured = a.measured.measured_s - b.measured.measured_s
    predicted = a.estimate.step_time_s - b.estimate.step_time_s
    return measured * predicted > 0.0


def _regret(group: Sequence[Outcome]) -> Regret:
    best = min(group, key=lambda o: o.measured.measured_s)
    chosen = min(group, key=lambda o: (o.estimate.step_time_s, o.measured.measured_s))
    first = best.measured
    return Regret(
        model=first.model.name,
        accelerator=first.accelerator,
        gpus=first.strategy.num_gpus,
        global_batch_size=first.run.global_batch_size,
        configurations=len(group),
        chosen=chosen.measured.name,
        best=first.name,
        regret=chosen.measured.measured_s / first.measured_s - 1.0,
    )
