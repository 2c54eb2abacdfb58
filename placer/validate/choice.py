"""Whether the faster of two measured configurations is the one predicted faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from placer.validate.predict import Outcome
from placer.validate.statistics import mean

NOTABLE: Final = 0.05
"""Two times closer than this are no choice: runs repeat to a few percent."""

MIN_CONFIGURATIONS: Final = 5
"""Configurations a question needs before the regret of its answer says anything."""

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One answer to a question; runs of the same configuration count once, at their mean time.

    ``name`` is that of its first run.
    """

    name: str
    measured_s: float
    predicted_s: float


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
    questions: dict[Key, list[Outcome]] = {}
    for outcome in outcomes:
        questions.setdefault(_question(outcome), []).append(outcome)
    answers = [(group[0], _configurations(group)) for group in questions.values()]
    judged = [
        _names_faster(a, b)
        for _, configurations in answers
        for a, b in combinations(configurations, 2)
        if _differ(a, b)
    ]
    regrets = [_regret(o, found) for o, found in answers if len(found) >= MIN_CONFIGURATIONS]
    ordered = sorted(regrets, key=lambda r: (-r.regret, r.model, r.best))
    return ChoiceAccuracy(pairs=len(judged), named=sum(judged), regrets=tuple(ordered))


def _question(outcome: Outcome) -> Key:
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


def _configurations(group: Sequence[Outcome]) -> list[Configuration]:
    """What was chosen: the strategy, the recipe and the features of the software."""
    runs: dict[Key, list[Outcome]] = {}
    for outcome in group:
        run = outcome.measured.run
        key = (outcome.measured.strategy, run.precision, run.features)
        runs.setdefault(key, []).append(outcome)
    return [
        Configuration(
            name=repeats[0].measured.name,
            measured_s=mean([o.measured.measured_s for o in repeats]),
            predicted_s=mean([o.estimate.step_time_s for o in repeats]),
        )
        for repeats in runs.values()
    ]


def _differ(a: Configuration, b: Configuration) -> bool:
    slower, faster = max(a.measured_s, b.measured_s), min(a.measured_s, b.measured_s)
    return slower / faster - 1.0 > NOTABLE


def _names_faster(a: Configuration, b: Configuration) -> bool:
    return (a.measured_s - b.measured_s) * (a.predicted_s - b.predicted_s) > 0.0


def _regret(first: Outcome, configurations: Sequence[Configuration]) -> Regret:
    best = min(configurations, key=lambda c: c.measured_s)
    chosen = min(configurations, key=lambda c: (c.predicted_s, c.measured_s))
    measured = first.measured
    return Regret(
        model=measured.model.name,
        accelerator=measured.accelerator,
        gpus=measured.strategy.num_gpus,
        global_batch_size=measured.run.global_batch_size,
        configurations=len(configurations),
        chosen=chosen.name,
        best=best.name,
        regret=chosen.measured_s / best.measured_s - 1.0,
    )
