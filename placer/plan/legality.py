"""What a framework can run: rules over strategies, written once for search, check and emit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from placer.plan.strategy import Strategy, StrategyBatch

if TYPE_CHECKING:
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

BoolArray = NDArray[np.bool_]
ViolatesFn = Callable[["ModelSpec", "RunSpec", StrategyBatch], BoolArray]
ArithmeticFn = Callable[["ModelSpec", "RunSpec", Strategy], str]
RefusesFn = Callable[["ModelSpec", "RunSpec", Strategy], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One condition a strategy must meet.

    ``violates`` gives True for each row of a batch that breaks the rule; ``arithmetic`` writes out
    the numbers for one strategy ("num_attention_heads 96 % tp 64 = 32"); ``remedy`` says what to
    change.
    """

    name: str
    sentence: str
    violates: ViolatesFn
    arithmetic: ArithmeticFn
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """A condition on what a batch has no column for: schedule, recompute details, cross-site mode.

    ``refuses`` is True when one strategy breaks the rule; the rest is as in ``Rule``.
    """

    name: str
    sentence: str
    refuses: RefusesFn
    arithmetic: ArithmeticFn
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule one strategy breaks, with the arithmetic that shows it."""

    rule: str
    sentence: str
    arithmetic: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.arithmetic}. {self.sentence} {self.remedy}"


class FrameworkRules(Protocol):
    """The rules of one framework in one release."""

    @property
    def name(self) -> str:
        """Name users type, as in ``--framework megatron``."""

    @property
    def release(self) -> str:
        """Release the rules were read from; empty where there are no releases."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, cheapest and most telling first: the first broken one names the pruning."""

    @property
    def choice_rules(self) -> tuple[ChoiceRule, ...]:
        """The rules only a single strategy can be asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A plain ``FrameworkRules``."""

    name: str
    release: str
    rules: tuple[Rule, ...]
    choice_rules: tuple[ChoiceRule, ...] = ()


def violations(
    rules: FrameworkRules, model: ModelSpec, run: RunSpec, strategy: Strategy
) -> tuple[Violation, ...]:
    """All rules that one strategy breaks, in the rules' order."""
    batch = StrategyBatch.of((strategy,))
    broken: list[Rule | ChoiceRule] = [
        rule for rule in rules.rules if bool(rule.violates(model, run, batch)[0])
    ]
    broken += [rule for rule in rules.choice_rules if rule.refuses(model, run, strategy)]
    return tuple(
        Violation(
            rule=rule.name,
            sentence=rule.sentence,
            arithmetic=rule.arithmetic(model, run, strategy),
            remedy=rule.remedy,
        )
        for rule in broken
    )


def prune(
    rules: FrameworkRules, model: ModelSpec, run: RunSpec, batch: StrategyBatch
) -> tuple[BoolArray, dict[str, int]]:
    """Rows that break no rule, and how many rows each rule was the first to refuse.

    Returns
    -------
    legal : BoolArray
        (N,) True where a row breaks no rule.
    pruned : dict[str, int]
        Rule name to number of rows, rules that refused nothing left out; the counts and the legal
        rows sum to N.
    """
    legal = np.ones(len(batch), dtype=np.bool_)
    pruned: dict[str, int] = {}
    for rule in rules.rules:
        refused = legal & rule.violates(model, run, batch)
        count = int(refused.sum())
        if count:
            pruned[rule.name] = count
            legal &= ~refused
    return legal, pruned
