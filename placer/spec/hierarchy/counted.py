"""Counts of parts of a cluster with the part's name: ``32 nvlink``, ``2 domains per pod``, ``3 %``.

A part is an accelerator, a host, a scale-up domain or a unit of any level; people write singular or
plural.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

GPU = "gpu"
HOST = "host"
DOMAIN = "domain"
INNER = ""
"""No name: units of the next-inner level."""

SYNONYMS = {
    "accelerator": GPU,
    "accelerators": GPU,
    "chip": GPU,
    "chips": GPU,
    "domains": DOMAIN,
    "gpu": GPU,
    "gpus": GPU,
    "host": HOST,
    "hosts": HOST,
    "node": HOST,
    "nodes": HOST,
    "npu": GPU,
    "npus": GPU,
    "domain": DOMAIN,
    "tpu": GPU,
    "tpus": GPU,
}
MAX_COUNT = 1 << 21

_COUNT = re.compile(r"(\d[\d_]{0,9})(?:\s+([A-Za-z][A-Za-z0-9._-]*))?")
_SPARES = re.compile(r"(.+?)(?:\s+per\s+([A-Za-z][A-Za-z0-9._-]*))?", re.DOTALL)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True)
class PartCount:
    """So many parts of one kind; the kind is a synonym's target, a level's name or ``INNER``."""

    count: int
    part: str = INNER

    def __str__(self) -> str:
        return f"{self.count} {self.part}".rstrip()


@dataclass(frozen=True, slots=True)
class SpareCount:
    """Parts held back, in each unit of a level (``per``) or in the whole cluster."""

    parts: PartCount
    per: str = ""

    def __str__(self) -> str:
        return f"{self.parts} per {self.per}" if self.per else str(self.parts)


def name_part(word: str) -> str:
    """Turn what people write for a part into its name: ``GPUs`` is gpu; others stay as they are."""
    return SYNONYMS.get(word.lower(), word)


def parse_part_count(value: object) -> PartCount:
    """Read ``32 nvlink``, ``256 GPUs`` or a bare 32 (units of the next-inner level)."""
    if isinstance(value, PartCount):
        return value
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _COUNT.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 100 else None
    if match is None:
        raise ValueError(
            f"expected a count and a part, found {str(value)[:60]!r}. Write for example 32 hosts"
        )
    count = int(match[1].replace("_", ""))
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"expected 1 to {MAX_COUNT}, found {count}. Write for example 32 hosts")
    return PartCount(count, name_part(match[2] or INNER))


def parse_loss(value: object) -> PartCount | None:
    """Read what a unit loses: ``all`` (None) or a count of parts."""
    return None if value is None or value == "all" else parse_part_count(value)


def parse_spares(value: object) -> SpareCount:
    """Read ``2 domains per pod`` or ``8 hosts``."""
    if isinstance(value, SpareCount):
        return value
    match = _SPARES.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 99 else None
    if match is None:
        raise ValueError(f"expected spares, found {str(value)[:60]!r}. Write 2 domains per pod")
    parts = parse_part_count(match[1])
    if parts.part in (INNER, GPU):
        raise ValueError(
            f"expected whole hosts, domains or units, found {value!r}. Write 2 domains per pod"
        )
    return SpareCount(parts, match[2] or "")


def parse_share(value: object) -> float:
    """Read a fraction between 0 and 1: ``3 %`` or 0.03."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())):
        share = float(match[1]) / 100
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9:
        share = float(value)
    else:
        share = math.nan
    if not 0 <= share < 1:
        raise ValueError(
            f"expected a share from 0 to below 1, found {str(value)[:60]!r}. Write 3 %"
        )
    return share


def _written(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": ["string", "integer"], "description": pattern, "example": example}
    )


PartCountField = Annotated[
    PartCount,
    BeforeValidator(parse_part_count),
    PlainSerializer(str, return_type=str, when_used="json"),
    _written("A count and a part of the cluster.", "32 nvlink"),
]
LossField = Annotated[
    PartCount | None,
    BeforeValidator(parse_loss),
    PlainSerializer(
        lambda loss: "all" if loss is None else str(loss), return_type=str, when_used="json"
    ),
    _written("What each unit loses: all, or a count and a part.", "1 gpu"),
]
SparesField = Annotated[
    SpareCount,
    BeforeValidator(parse_spares),
    PlainSerializer(str, return_type=str, when_used="json"),
    _written("Parts held back per unit of a level.", "2 domains per pod"),
]
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema({"type": ["string", "number"], "description": "A share: 3 % or 0.03."}),
]
