"""The few physical numbers the cost model rests on, each with unit, kind and source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

import yaml

from placer.cost.sections import (
    ComputeConstants,
    FeatureConstants,
    KernelConstants,
    MemoryConstants,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FALLBACK_KEY = "like"
TABLES = ("constants.yaml", "kernels.yaml")

Section = TypeVar("Section", bound="DataclassInstance")


class ConstantKind(StrEnum):
    """How a constant came to be known."""

    MEASURED = "measured"
    DATASHEET = "datasheet"
    ASSUMED = "assumed"
    FITTED = "fitted"


class ConstantsError(ValueError):
    """A constants table that does not say what the cost model needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One number; ``name`` is its dotted place in the table, such as ``links.nvlink4.ring``."""

    name: str
    value: float
    unit: str
    kind: ConstantKind
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkConstants:
    """What software gets out of one kind of link, as fractions of its rate.

    ``ring`` is bus bandwidth of a ring (all-gather, reduce-scatter, all-reduce), ``all_to_all`` of
    a personalised exchange, ``p2p`` of one transfer; ``in_switch`` the all-reduce bus bandwidth
    with reduction in the switch among eight ranks (over 1: the switch halves the traffic).
    """

    ring: float
    all_to_all: float
    p2p: float
    in_switch: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveConstants:
    """What every collective shares, whatever the link; see data/constants.yaml for the sources."""

    base_latency_s: float
    hop_overhead_s: float
    post_overhead_s: float
    ramp_s: float
    low_latency_rate: float
    nics_per_domain: float
    qp_split_routing: float
    hashed_routing: float


@dataclass(frozen=True, kw_only=True)
class Constants:
    """The table of constants, with one typed view per section.

    ``entries`` are in name order; ``likeness`` pairs each link with the link it falls back on
    (empty when it stands alone).
    """

    entries: tuple[Constant, ...]
    likeness: tuple[tuple[str, str], ...]

    @cached_property
    def _by_name(self) -> Mapping[str, Constant]:
        return {constant.name: constant for constant in self.entries}

    @cached_property
    def collectives(self) -> CollectiveConstants:
        """Constants of the section ``collectives``."""
        return section_of(CollectiveConstants, self, "collectives")

    @cached_property
    def compute(self) -> ComputeConstants:
        """Constants of the section ``compute``."""
        return section_of(ComputeConstants, self, "compute")

    @cached_property
    def features(self) -> FeatureConstants:
        """Constants of the section ``features``."""
        return section_of(FeatureConstants, self, "features")

    @cached_property
    def kernels(self) -> KernelConstants:
        """Figures of the section ``kernels``."""
        return section_of(KernelConstants, self, "kernels")

    @cached_property
    def memory(self) -> MemoryConstants:
        """Constants of the section ``memory``."""
        return section_of(MemoryConstants, self, "memory")

    @cached_property
    def links(self) -> Mapping[str, LinkConstants]:
        """Efficiencies by link, what a link does not state taken from the one it is like."""
        return {link: self._link(link) for link, _ in self.likeness}

    def link(self, key: str) -> LinkConstants:
        """Efficiencies of the link ``key``.

        Raises
        ------
        ConstantsError
            When the table has no such link.
        """
        if key not in self.links:
            raise ConstantsError(f"link: expected one of {', '.join(self.links)}, got {key!r}")
        return self.links[key]

    def value(self, name: str) -> float:
        """The constant with this dotted name.

        Raises
        ------
        ConstantsError
            When the table has no such constant.
        """
        if name not in self._by_name:
            raise ConstantsError(f"constants: expected an entry {name!r}, found none")
        return self._by_name[name].value

    def replace(self, values: Mapping[str, float], *, source: str = "replaced") -> Constants:
        """A table with these values by dotted name, marked as fitted by ``source``."""
        unknown = sorted(set(values) - set(self._by_name))
        if unknown:
            raise ConstantsError(f"constants: no entry {', '.join(unknown)} to replace")
        entries = (
            replace(c, value=values[c.name], kind=ConstantKind.FITTED, source=source)
            if c.name in values
            else c
            for c in self.entries
        )
        return replace(self, entries=tuple(entries))

    def names_in(self, section: str) -> tuple[str, ...]:
        """Last parts of the dotted names directly under ``section``, in order."""
        head = section + "."
        tails = (name.removeprefix(head) for name in self._by_name if name.startswith(head))
        return tuple(tail for tail in tails if "." not in tail)

    def _link(self, key: str) -> LinkConstants:
        return LinkConstants(
            **{f.name: self._inherited(key, f.name) for f in fields(LinkConstants)}
        )

    def _inherited(self, key: str, field: str) -> float:
        parents = dict(self.likeness)
        at = key
        while f"links.{at}.{field}" not in self._by_name:
            at = parents.pop(at, "")
            if not at:
                raise ConstantsError(f"links.{key}: expected {field!r} here or in what it is like")
        return self._by_name[f"links.{at}.{field}"].value


def section_of(shape: type[Section], constants: Constants, section: str) -> Section:
    """The flat section ``section`` as the dataclass ``shape``, whose fields name its constants.

    Raises
    ------
    ConstantsError
        When a field has no constant or a constant no field.
    """
    wanted = {f.name for f in fields(shape)}
    found = set(constants.names_in(section))
    if wanted != found:
        missing, extra = sorted(wanted - found), sorted(found - wanted)
        raise ConstantsError(f"constants: section {section}: missing {missing}, unknown {extra}")
    return shape(**{name: constants.value(f"{section}.{name}") for name in sorted(wanted)})


def parse_constants(text: str) -> Constants:
    """Constants from YAML: nested sections whose leaves have value, unit, kind and source."""
    document = yaml.safe_load(text)
    links = document.get("links", {}) if isinstance(document, Mapping) else None
    if not isinstance(links, Mapping) or not all(isinstance(b, Mapping) for b in links.values()):
        raise ConstantsError("constants: expected a section links that holds sections")
    likeness = tuple((key, str(body.get(FALLBACK_KEY, ""))) for key, body in links.items())
    entries = sorted(_leaves(document, ""), key=lambda constant: constant.name)
    return Constants(entries=tuple(entries), likeness=likeness)


@lru_cache(maxsize=1)
def load_constants() -> Constants:
    """The constants that travel with placer."""
    data = resources.files("placer.data")
    tables = [parse_constants(data.joinpath(t).read_text(encoding="utf-8")) for t in TABLES]
    entries = sorted((c for table in tables for c in table.entries), key=lambda c: c.name)
    return Constants(entries=tuple(entries), likeness=tables[0].likeness)


def _leaves(node: Mapping[str, object], path: str) -> Iterable[Constant]:
    for key, body in node.items():
        name = f"{path}.{key}" if path else key
        if not isinstance(body, Mapping):
            if key != FALLBACK_KEY:
                raise ConstantsError(f"{name}: expected value, unit, kind and source, got {body!r}")
        elif "value" in body:
            yield _constant(name, body)
        else:
            yield from _leaves(body, name)


def _constant(name: str, body: Mapping[str, object]) -> Constant:
    if set(body) != {"value", "unit", "kind", "source"}:
        raise ConstantsError(f"{name}: expected value, unit, kind and source, got {sorted(body)}")
    value = body["value"]
    if not isinstance(value, int | float):
        raise ConstantsError(f"{name}: expected a number, got {value!r}")
    if body["kind"] not in tuple(ConstantKind):
        raise ConstantsError(
            f"{name}: kind: expected {', '.join(ConstantKind)}, got {body['kind']!r}"
        )
    return Constant(
        name=name,
        value=float(value),
        unit=str(body["unit"]),
        kind=ConstantKind(str(body["kind"])),
        source=str(body["source"]),
    )
