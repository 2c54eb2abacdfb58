"""Builders of the commonest rules: a quantity must be a multiple, or at least a size, of another.

The same formula decides for whole batches and writes the arithmetic of a single strategy, so that
a message can never disagree with the decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.plan.legality import BoolArray, Rule
from placer.plan.strategy import IntArray, Strategy, StrategyBatch

if TYPE_CHECKING:
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

ValueFn = Callable[["ModelSpec", "RunSpec", StrategyBatch], IntArray | int]
AppliesFn = Callable[["ModelSpec", "RunSpec", StrategyBatch], BoolArray | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A named integer that a model, a run and a strategy determine."""

    label: str
    values: ValueFn

    def of_one(self, model: ModelSpec, run: RunSpec, strategy: Strategy) -> int:
        """Its value for a single strategy."""
        return int(np.ravel(self.values(model, run, StrategyBatch.of((strategy,))))[0])


def always(model: ModelSpec, run: RunSpec, batch: StrategyBatch) -> bool:
    """For rules that bind every strategy."""
    return True


def _spread(value: BoolArray | bool, batch: StrategyBatch) -> BoolArray:
    return np.broadcast_to(np.asarray(value, dtype=np.bool_), (len(batch),))


def multiple_of(
    *,
    name: str,
    dividend: Quantity,
    divisor: Quantity,
    sentence: str,
    remedy: str,
    applies: AppliesFn = always,
) -> Rule:
    """The rule ``dividend % divisor == 0``, where it applies."""

    def violates(model: ModelSpec, run: RunSpec, batch: StrategyBatch) -> BoolArray:
        left = np.asarray(dividend.values(model, run, batch))
        right = np.maximum(np.asarray(divisor.values(model, run, batch)), 1)
        return _spread(applies(model, run, batch), batch) & (left % right != 0)

    def arithmetic(model: ModelSpec, run: RunSpec, strategy: Strategy) -> str:
        left, right = dividend.of_one(model, run, strategy), divisor.of_one(model, run, strategy)
        return f"{dividend.label} {left} % {divisor.label} {right} = {left % max(right, 1)}"

    return Rule(
        name=name, sentence=sentence, violates=violates, arithmetic=arithmetic, remedy=remedy
    )


def at_least(
    *,
    name: str,
    left: Quantity,
    right: Quantity,
    sentence: str,
    remedy: str,
    applies: AppliesFn = always,
) -> Rule:
    """The rule ``left >= right``, where it applies."""

    def violates(model: ModelSpec, run: RunSpec, batch: StrategyBatch) -> BoolArray:
        low = np.asarray(left.values(model, run, batch)) < np.asarray(
            right.values(model, run, batch)
        )
        return _spread(applies(model, run, batch), batch) & low

    def arithmetic(model: ModelSpec, run: RunSpec, strategy: Strategy) -> str:
        left_value = left.of_one(model, run, strategy)
        right_value = right.of_one(model, run, strategy)
        return f"{left.label} {left_value} < {right.label} {right_value}"

    return Rule(
        name=name, sentence=sentence, violates=violates, arithmetic=arithmetic, remedy=remedy
    )


def forbidden(
    *,
    name: str,
    when: AppliesFn,
    shown: tuple[Quantity, ...],
    sentence: str,
    remedy: str,
) -> Rule:
    """The rule that ``when`` never holds; ``shown`` are the numbers the message prints."""

    def violates(model: ModelSpec, run: RunSpec, batch: StrategyBatch) -> BoolArray:
        return _spread(when(model, run, batch), batch)

    def arithmetic(model: ModelSpec, run: RunSpec, strategy: Strategy) -> str:
        return ", ".join(f"{q.label} {q.of_one(model, run, strategy)}" for q in shown)

    return Rule(
        name=name, sentence=sentence, violates=violates, arithmetic=arithmetic, remedy=remedy
    )
