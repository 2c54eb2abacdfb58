"""Builders of the commonest rules: a quantity must be a multiple, or at least a size, of another.

The same formula decides for whole batches and writes the arithmetic of a single strategy, so that
a message can never disagree with the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.plan.legality import BoolArray, Case, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.plan.strategy import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A named integer that a model, a run and a strategy determine."""

    label: str
    values: Callable[[Case], IntArray | int]

    def of_one(self, case: Case) -> int:
        """Its value for a case of one strategy."""
        return int(np.ravel(self.values(case))[0])


def always(_: Case) -> bool:
    """For rules that bind every strategy."""
    return True


def all_of(*conditions: BoolArray | bool) -> BoolArray:
    """Rows where every condition holds."""
    joined: BoolArray = np.logical_and.reduce(np.broadcast_arrays(*conditions))
    return joined


def any_of(*conditions: BoolArray | bool) -> BoolArray:
    """Rows where some condition holds."""
    joined: BoolArray = np.logical_or.reduce(np.broadcast_arrays(*conditions))
    return joined


def _spread(value: BoolArray | bool, case: Case) -> BoolArray:
    return np.broadcast_to(np.asarray(value, dtype=np.bool_), (len(case),))


def multiple_of(
    *,
    name: str,
    dividend: Quantity,
    divisor: Quantity,
    sentence: str,
    remedy: str,
    applies: Callable[[Case], BoolArray | bool] = always,
) -> Rule:
    """The rule ``dividend % divisor == 0``, where it applies."""

    def violates(case: Case) -> BoolArray:
        left = np.asarray(dividend.values(case))
        right = np.maximum(np.asarray(divisor.values(case)), 1)
        return all_of(_spread(applies(case), case), left % right != 0)

    def arithmetic(case: Case) -> str:
        left, right = dividend.of_one(case), divisor.of_one(case)
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
    applies: Callable[[Case], BoolArray | bool] = always,
) -> Rule:
    """The rule ``left >= right``, where it applies."""

    def violates(case: Case) -> BoolArray:
        low = np.asarray(left.values(case)) < np.asarray(right.values(case))
        return all_of(_spread(applies(case), case), low)

    def arithmetic(case: Case) -> str:
        left_value = left.of_one(case)
        right_value = right.of_one(case)
        return f"{left.label} {left_value} < {right.label} {right_value}"

    return Rule(
        name=name, sentence=sentence, violates=violates, arithmetic=arithmetic, remedy=remedy
    )


def forbidden(
    *,
    name: str,
    when: Callable[[Case], BoolArray | bool],
    shown: tuple[Quantity, ...],
    sentence: str,
    remedy: str,
) -> Rule:
    """The rule that ``when`` never holds; ``shown`` are the numbers the message prints."""

    def violates(case: Case) -> BoolArray:
        return _spread(when(case), case)

    def arithmetic(case: Case) -> str:
        return ", ".join(f"{q.label} {q.of_one(case)}" for q in shown)

    return Rule(
        name=name, sentence=sentence, violates=violates, arithmetic=arithmetic, remedy=remedy
    )
