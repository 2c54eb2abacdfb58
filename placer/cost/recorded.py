"""The constants a plan rests on: into its provenance, and back to cost its neighbours alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.cost.constants import load_constants
from placer.plan.plan import ConstantRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.cost.constants import Constants
    from placer.topology.level import Level

CALIBRATED = "calibrated before this plan was made"


def constant_records(constants: Constants, levels: Iterable[Level]) -> tuple[ConstantRecord, ...]:
    """All constants but those of links that no level has, in name order."""
    links = _links(constants, levels)
    return tuple(
        ConstantRecord(
            name=constant.name,
            value=constant.value,
            unit=constant.unit,
            kind=constant.kind.value,
            source=constant.source,
        )
        for constant in constants.entries
        if not constant.name.startswith("links.") or constant.name.split(".")[1] in links
    )


def _links(constants: Constants, levels: Iterable[Level]) -> set[str]:
    """Links of the levels, and what they take figures from where they state none."""
    likeness = dict(constants.likeness)
    links: set[str] = set()
    for level in levels:
        link = level.link
        while link and link not in links:
            links.add(link)
            link = likeness.get(link, "")
    return links


def recorded_constants(records: Iterable[ConstantRecord]) -> Constants:
    """The constants that travel with placer, with the values a plan recorded where they differ.

    A constant that this version does not know is left out.
    """
    constants = load_constants()
    shipped = {constant.name: constant.value for constant in constants.entries}
    changed = {r.name: r.value for r in records if shipped.get(r.name, r.value) != r.value}
    return constants.replace(changed, source=CALIBRATED) if changed else constants
