"""What a user may ask about several sites."""

from __future__ import annotations

from dataclasses import dataclass, field

from placer.cost.across.quality import QualityTables, published_quality
from placer.errors import InputError, Problem
from placer.plan.strategy import CrossSiteMode


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRequest:
    """How several sites may be used.

    ``modes`` empty means all of them; ``outer_bits`` None the usual ones of each mode.
    """

    modes: tuple[CrossSiteMode, ...] = ()
    """What may cross."""
    inner_steps: int = 30
    """DiLoCo's H; the published loss changes are at 30."""
    outer_bits: int | None = None
    """Bits of an outer gradient's element."""
    min_replicas_after_loss: int = 0
    """Replicas that must remain whichever site is lost."""
    quality_exchange: bool = False
    """Rank by equivalent computation, across statistical meanings."""
    extrapolate: bool = False
    """Go on where no loss change was measured: H above 300, more than 8 replicas."""

    quality: QualityTables = field(default_factory=published_quality)
    """What training apart costs in loss."""

    def __post_init__(self) -> None:
        checks = (
            ("--inner-steps", self.inner_steps >= 1, ">= 1", self.inner_steps),
            (
                "--outer-bits",
                self.outer_bits is None or self.outer_bits in (4, 8, 16, 32),
                "4, 8, 16 or 32",
                self.outer_bits,
            ),
            (
                "--min-replicas-after-site-loss",
                self.min_replicas_after_loss >= 0,
                ">= 0",
                self.min_replicas_after_loss,
            ),
        )
        problems = [
            Problem(source=source, expected=expected, found=str(found))
            for source, good, expected, found in checks
            if not good
        ]
        if problems:
            raise InputError(problems)

    def allows(self, mode: CrossSiteMode) -> bool:
        """Whether this may cross."""
        return not self.modes or mode in self.modes


def site_modes(texts: tuple[str, ...]) -> tuple[CrossSiteMode, ...]:
    """Read ``--cross-site MODE``, repeatable.

    Raises
    ------
    InputError
        With every text that is no mode.
    """
    known = [mode.value for mode in CrossSiteMode]
    problems = [
        Problem(source="--cross-site", expected=f"one of {', '.join(known)}", found=repr(text))
        for text in texts
        if text not in known
    ]
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(CrossSiteMode(text) for text in texts))
