"""What several targets share about DiLoCo: whom it asks of a plan, and the outer optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.legality import ChoiceRule
from placer.plan.strategy import CrossSiteMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from placer.plan.legality import Choice
    from placer.plan.strategy import CrossSite

OUTER_MOMENTUM: Final = 0.9
"""Nesterov's momentum (DiLoCo, arXiv 2311.08105, section 3; arXiv 2503.09799, section 3)."""

_OUTER_RATES: Final = ((1, 0.4), (2, 0.6), (4, 0.6), (8, 0.8))
"""Best outer learning rate by replicas, of models of 335M and more (arXiv 2503.09799, figure 7)."""


def outer_rate(replicas: int) -> float:
    """The published outer learning rate of the nearest replica count not above."""
    return next(rate for count, rate in reversed(_OUTER_RATES) if replicas >= count)


def asynchronous(choice: Choice) -> bool:
    """Whether the sites train apart."""
    return choice.strategy.cross_site.is_asynchronous


def diloco_rules(
    framework: str, *, bits: Sequence[int], says_bits: str, own: Sequence[ChoiceRule] = ()
) -> tuple[ChoiceRule, ...]:
    """What any framework with DiLoCo asks: equal sites, outer gradients in a format it sends.

    Parameters
    ----------
    bits
        Bits of an outer gradient's element that the framework sends.
    says_bits
        The same as a sentence.
    own
        Rules of the framework's own, judged only where the sites train apart.
    """
    formats = " or ".join(map(str, bits))
    equal = _only_apart(
        name=f"{framework}_diloco_sites",
        sentence="Every site of a DiLoCo job holds as many replicas: the framework averages sites"
        " alike.",
        refuses=lambda c: len({share.dp for share in c.strategy.cross_site.shares}) > 1,
        arithmetic=lambda c: _shares(c.strategy.cross_site),
        remedy="Use as many accelerators at every site, or --framework any.",
    )
    narrow = _only_apart(
        name=f"{framework}_diloco_bits",
        sentence=says_bits,
        refuses=lambda c: c.strategy.cross_site.outer_bits not in (None, *bits),
        arithmetic=lambda c: f"outer gradients of {c.strategy.cross_site.outer_bits} bits",
        remedy=f"Add --outer-bits {formats}.",
    )
    return (equal, narrow, *own)


def _only_apart(
    *,
    name: str,
    sentence: str,
    refuses: Callable[[Choice], bool],
    arithmetic: Callable[[Choice], str],
    remedy: str,
) -> ChoiceRule:
    """A rule for sites that train apart."""
    return ChoiceRule(
        name=name,
        sentence=sentence,
        refuses=lambda c: asynchronous(c) and refuses(c),
        arithmetic=arithmetic,
        remedy=remedy,
    )


def fragments_rule(
    framework: str,
    *,
    sentence: str,
    refuses: Callable[[Choice], bool],
    arithmetic: Callable[[Choice], str],
    remedy: str,
) -> ChoiceRule:
    """A rule about the fragments of streaming DiLoCo."""

    def streams(choice: Choice) -> bool:
        mode = choice.strategy.cross_site.mode
        return mode is CrossSiteMode.STREAMING_DILOCO and refuses(choice)

    return ChoiceRule(
        name=f"{framework}_diloco_fragments",
        sentence=sentence,
        refuses=streams,
        arithmetic=arithmetic,
        remedy=remedy,
    )


def _shares(cross_site: CrossSite) -> str:
    return ", ".join(f"{share.site} {share.dp} replicas" for share in cross_site.shares)
