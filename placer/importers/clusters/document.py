"""A cluster as a file: fields in order, one unit per line, comments in front."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from placer.importers.clusters.assembly import Assembled, ordered_fields
from placer.importers.yaml_text import comment, flow, wrapped

_BLOCKS: Final = frozenset({"sources", "assumed", "pods", "sites", "units", "links", "unavailable"})


def cluster_document(assembled: Assembled, heading: Iterable[str]) -> str:
    """The file's text."""
    lines = [comment(line) for text in heading for line in wrapped(text)]
    lines += [comment(line) for text in assembled.notes for line in wrapped(text)]
    for name, value in ordered_fields(assembled.fields):
        lines += _field(name, value, 0)
    return "\n".join([*lines, ""])


def _field(name: str, value: Any, indent: int) -> Iterator[str]:
    """One field: lists of units and sentences in block form, all else on one line."""
    space = " " * indent
    if name == "scale_out":
        yield f"{space}{name}:"
        for inner, content in value.items():
            yield from _field(inner, content, indent + 2)
    elif name in _BLOCKS or (name == "levels" and isinstance(value, list)):
        yield f"{space}{name}:"
        for item in value:
            yield from _item(item, indent + 2)
    else:
        yield f"{space}{name}: {flow(value)}"


def _item(item: Any, indent: int) -> Iterator[str]:
    """One entry of a list; a unit with units inside is opened, others stay on one line."""
    space = " " * indent
    nested = [key for key in ("pods", "units") if isinstance(item, Mapping) and _holds(item, key)]
    if not nested:
        yield f"{space}- {flow(item)}"
        return
    first = True
    for name, value in item.items():
        for line in _field(name, value, indent + 2):
            yield f"{space}- {line[indent + 2 :]}" if first else line
            first = False


def _holds(item: Mapping[str, Any], key: str) -> bool:
    value = item.get(key)
    return isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value)
