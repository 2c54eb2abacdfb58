"""What a framework can run: rules over strategies, written once for search, check and emit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from placer.plan.strategy import CrossSiteMode, Strategy, StrategyBatch

if TYPE_CHECKING:
    from placer.spec.model import ModelSpec
    from placer.spec.run import RunSpec

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a rule judges: N strategies for one model and run."""

    model: ModelSpec
    run: RunSpec
    batch: StrategyBatch

    def __len__(self) -> int:
        return len(self.batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a choice rule judges: a single strategy for one model and run."""

    model: ModelSpec
    run: RunSpec
    strategy: Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One condition a strategy must meet.

    ``violates`` gives (N,) True for each row that breaks the rule; ``arithmetic`` writes out the
    numbers of a case of one strategy ("num_attention_heads 96 % tp 64 = 32"); ``remedy`` says what
    to change.
    """

    name: str
    sentence: str
    violates: Callable[[Case], BoolArray]
    arithmetic: Callable[[Case], str]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """A condition on what a batch has no column for: schedule, recompute details, cross-site mode.

    ``refuses`` is True when one strategy breaks the rule; the rest is as in ``Rule``.
    """

    name: str
    sentence: str
    refuses: Callable[[Choice], bool]
    arithmetic: Callable[[Choice], str]
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

    @property
    def site_rules(self) -> Mapping[CrossSiteMode, tuple[Rule, ...]]:
        """Rules that hold besides where sites work together in this way."""

    @property
    def zero_stages(self) -> tuple[int, ...]:
        """Stages of sharding worth a search, where nobody fixes one."""

    @property
    def sequence_parallel(self) -> bool:
        """Whether norms are split along the sequence under tensor parallelism, if nobody says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A plain ``FrameworkRules``."""

    name: str
    release: str
    rules: tuple[Rule, ...]
    choice_rules: tuple[ChoiceRule, ...] = ()
    site_rules: Mapping[CrossSiteMode, tuple[Rule, ...]] = field(default_factory=dict)
    zero_stages: tuple[int, ...] = (1,)
    sequence_parallel: bool = True


def rules_over_sites(rules: FrameworkRules, mode: CrossSiteMode) -> FrameworkRules:
    """The rules with those that hold where sites work together in this way."""
    own = rules.site_rules.get(mode, ())
    if not own:
        return rules
    return RuleSet(
        name=rules.name,
        release=rules.release,
        rules=(*rules.rules, *own),
        choice_rules=rules.choice_rules,
        zero_stages=rules.zero_stages,
        sequence_parallel=rules.sequence_parallel,
    )


def violations(
    rules: FrameworkRules, model: ModelSpec, run: RunSpec, strategy: Strategy
) -> tuple[Violation, ...]:
    """All rules that one strategy breaks, in the rules' order."""
    case = Case(model=model, run=run, batch=StrategyBatch.of((strategy,)))
    choice = Choice(model=model, run=run, strategy=strategy)
    broken = [
        Violation(
            rule=rule.name,
            sentence=rule.sentence,
            arithmetic=rule.arithmetic(case),
            remedy=rule.remedy,
        )
        for rule in rules_over_sites(rules, strategy.cross_site.mode).rules
        if bool(rule.violates(case)[0])
    ]
    broken += [
        Violation(
            rule=rule.name,
            sentence=rule.sentence,
            arithmetic=rule.arithmetic(choice),
            remedy=rule.remedy,
        )
        for rule in rules.choice_rules
        if rule.refuses(choice)
    ]
    return tuple(broken)


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
    case = Case(model=model, run=run, batch=batch)
    legal = np.ones(len(batch), dtype=np.bool_)
    pruned: dict[str, int] = {}
    for rule in rules.rules:
        refused = legal & rule.violates(case)
        count = int(refused.sum())
        if count:
            pruned[rule.name] = count
            legal &= ~refused
    return legal, pruned
