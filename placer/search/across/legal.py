"""What a framework can run of sites that train apart, where it knows how to at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from placer.plan.legality import Choice
from placer.plan.strategy import Strategy

if TYPE_CHECKING:
    import numpy as np

    from placer.cost.model import CostModel
    from placer.plan.legality import ChoiceRule, FrameworkRules
    from placer.plan.strategy import CrossSite, StrategyBatch
    from placer.search.across.realise import Realiser
    from placer.search.inner import Candidate, Placed


def refusals(
    rules: FrameworkRules, model: CostModel, arranged: CrossSite
) -> tuple[ChoiceRule, ...]:
    """Rules against an arrangement itself, whatever stands at its sites."""
    shares = tuple(replace(share, dp=1, pp=1) for share in arranged.shares)
    overlap = None if arranged.overlap_steps is None else 1
    alone = replace(arranged, shares=shares, overlap_steps=overlap)
    copies = max(alone.replicas, 1)
    bare = Choice(
        model=model.model,
        run=model.run,
        strategy=Strategy(dp=copies, dp_replicate=copies, cross_site=alone),
    )
    plain = Choice(model=model.model, run=model.run, strategy=Strategy())
    return tuple(
        rule for rule in rules.choice_rules if rule.refuses(bare) and not rule.refuses(plain)
    )


def is_known(rules: FrameworkRules, model: CostModel, arranged: CrossSite) -> bool:
    """Whether the framework has the arrangement; where not, it is shown for others to launch."""
    return not refusals(rules, model, arranged)


class LegalOnly:
    """A realiser that leaves out what the framework refuses of the sites' shares."""

    def __init__(self, realise: Realiser, rules: FrameworkRules, model: CostModel) -> None:
        self._realise = realise
        self._rules = rules
        self._model = model

    def __call__(self, candidate: Candidate, /) -> Placed | None:
        """Place and cost a strategy; None where sites cannot hold it or the framework refuses."""
        placed = self._realise(candidate)
        if placed is None:
            return None
        choice = Choice(model=self._model.model, run=self._model.run, strategy=placed.strategy)
        return None if any(r.refuses(choice) for r in self._rules.choice_rules) else placed

    def waits_s(self, batch: StrategyBatch, /) -> np.ndarray:
        """What strategies wait between sites at least; (N,)."""
        return self._realise.waits_s(batch)

    def least_s(self, candidate: Candidate, /) -> float:
        """A bound on the step of a strategy that was placed."""
        return self._realise.least_s(candidate)
