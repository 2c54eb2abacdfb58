"""What the components of a step are called and coloured, the same in every table and picture.

Colours are Okabe and Ito's palette for colour-blind readers (https://jfly.uni-koeln.de/color/),
with two of Paul Tol's added for the ninth and tenth component.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from placer.plan.estimate import Breakdown, StageMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component of the step time.

    ``field`` is its field of ``Breakdown``; ``label`` heads a row; ``phrase`` stands in a sentence.
    """

    field: str
    label: str
    phrase: str
    colour: str

    def seconds(self, breakdown: Breakdown) -> float:
        """Its part of a breakdown."""
        value: float = getattr(breakdown, self.field)
        return value


COMPONENTS: Final = (
    Component(field="compute", label="compute", phrase="computation", colour="#0072B2"),
    Component(
        field="tp",
        label="tensor parallel",
        phrase="exposed tensor-parallel communication",
        colour="#E69F00",
    ),
    Component(
        field="cp",
        label="context parallel",
        phrase="exposed context-parallel communication",
        colour="#F0E442",
    ),
    Component(
        field="ep",
        label="expert parallel",
        phrase="exposed expert-parallel communication",
        colour="#D55E00",
    ),
    Component(
        field="pp",
        label="pipeline sends",
        phrase="exposed sends between pipeline stages",
        colour="#CC79A7",
    ),
    Component(field="bubble", label="pipeline bubble", phrase="pipeline bubble", colour="#999999"),
    Component(
        field="dp",
        label="data parallel",
        phrase="exposed data-parallel communication",
        colour="#009E73",
    ),
    Component(field="recompute", label="recompute", phrase="recomputation", colour="#56B4E9"),
    Component(field="optimizer", label="optimizer", phrase="optimizer step", colour="#AA4499"),
    Component(
        field="cross_site",
        label="between sites",
        phrase="exposed traffic between sites",
        colour="#882255",
    ),
)
"""In the order of ``Breakdown``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPart:
    """One part of what a GPU holds: its field of ``StageMemory``, its name, its colour."""

    field: str
    label: str
    colour: str

    def stored_bytes(self, memory: StageMemory) -> float:
        """Its part of a stage's memory."""
        value: float = getattr(memory, self.field)
        return value


MEMORY_PARTS: Final = (
    MemoryPart(field="weights_bytes", label="weights", colour="#4477AA"),
    MemoryPart(field="gradients_bytes", label="gradients", colour="#66CCEE"),
    MemoryPart(field="optimizer_bytes", label="optimizer", colour="#AA4499"),
    MemoryPart(field="activations_bytes", label="activations", colour="#CCBB44"),
    MemoryPart(field="buffers_bytes", label="buffers", colour="#EE6677"),
    MemoryPart(field="framework_bytes", label="framework", colour="#BBBBBB"),
)
"""In the order of ``StageMemory``; Paul Tol's bright scheme (https://personal.sron.nl/~pault/), the
optimizer in the colour of its step."""
