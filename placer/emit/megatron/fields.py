"""Megatron-LM's arguments by the names of their fields, for what is configured by field.

``argparse`` names a field after its flag, except for flags that turn something off
(``training/arguments.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.emit.argument import comment_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.emit.argument import Argument, Section

Value = str | int | float | bool | list[str]
_TURNED_OFF: Final = {
    "disable_bias_linear": "add_bias_linear",
    "no_check_for_nan_in_loss_and_grad": "check_for_nan_in_loss_and_grad",
}
_LISTS: Final = ("recompute_modules",)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValue:
    """A field with its value, and why it is there when that is not plain."""

    name: str
    value: Value
    reason: str = ""


def fields_of(sections: Iterable[Section]) -> tuple[FieldValue, ...]:
    """Every argument as a field, in order."""
    return tuple(_field(argument) for section in sections for argument in section.arguments)


def _field(argument: Argument) -> FieldValue:
    flag, *words = argument.words
    name = flag.removeprefix("--").replace("-", "_")
    if name in _TURNED_OFF:
        return FieldValue(name=_TURNED_OFF[name], value=False, reason=argument.reason)
    if name in _LISTS:
        return FieldValue(name=name, value=list(words), reason=argument.reason)
    value: Value = _value(words[0]) if words else True
    return FieldValue(name=name, value=value, reason=argument.reason)


def _value(word: str) -> Value:
    return int(word) if word.lstrip("-").isdigit() else word


def yaml_lines(fields: Iterable[FieldValue], indent: int) -> list[str]:
    """Fields as lines of a YAML mapping, reasons above them."""
    space = " " * indent
    lines = []
    for entry in fields:
        lines += comment_lines(entry.reason, space)
        lines.append(f"{space}{entry.name}: {_yaml(entry.value)}")
    return lines


def _yaml(value: Value) -> str:
    if isinstance(value, str) and not value.replace("_", "").isalnum():
        return json.dumps(value)
    if isinstance(value, list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
