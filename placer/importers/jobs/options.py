"""Typed access to the options of one command line, all that is wrong collected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from placer.importers.problems import Problems
from placer.importers.shell import Field
from placer.spec.suggest import did_you_mean

_INTEGER: Final = re.compile(r"\d{1,12}")
_NUMBER: Final = re.compile(r"-?(\d{1,18}(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?")
PLACEHOLDER: Final = 1
"""Stands for a value that could not be read, so that reading goes on to the next problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option with the words behind it."""

    name: str
    values: tuple[Field, ...]
    line: int


def options_of(fields: Iterable[Field]) -> dict[str, Option]:
    """Options by name, underscores as dashes; of one given twice the last counts, as in argparse."""
    found: dict[str, Option] = {}
    current: Option | None = None
    for field in fields:
        if field.text.startswith("--") and len(field.text) > 2:
            name, sign, value = field.text.partition("=")
            first = (Field(text=value, line=field.line, missing=field.missing),) if sign else ()
            key = name.replace("_", "-")
            current = Option(name=key, values=first, line=field.line)
            found[key] = current
        elif current is not None:
            values = (*current.values, field)
            current = Option(name=current.name, values=values, line=current.line)
            found[current.name] = current
    return found


class OptionReader:
    """Reads options; each that was asked for is remembered as read."""

    def __init__(self, options: Mapping[str, Option], problems: Problems) -> None:
        self.options = options
        self.problems = problems
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether an option is given, whatever its value."""
        self._read.add(name)
        return name in self.options

    def count(self, name: str, default: int | None = None) -> int | None:
        """A whole number of at least 1; ``default`` where the option is not given."""
        field = self._value(name)
        if field is None:
            return default
        if field.is_known and _INTEGER.fullmatch(field.text) and int(field.text) >= 1:
            return int(field.text)
        self._wrong(name, "a whole number >= 1", field)
        return PLACEHOLDER

    def required(self, name: str, remedy: str) -> int:
        """A whole number that must be given."""
        number = self.count(name)
        if number is None:
            self.problems.add(None, name, "a whole number", "nothing", remedy)
            return PLACEHOLDER
        return number

    def number(self, name: str, default: float) -> float:
        """A decimal number."""
        field = self._value(name)
        if field is None:
            return default
        if field.is_known and _NUMBER.fullmatch(field.text):
            return float(field.text)
        self._wrong(name, "a number", field)
        return default

    def word(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of some words."""
        field = self._value(name)
        if field is None:
            return default
        if field.is_known and field.text in choices:
            return field.text
        remedy = did_you_mean(field.text, choices) if field.is_known else ""
        self._wrong(name, f"one of {', '.join(choices)}", field, remedy)
        return default

    def text(self, name: str) -> str | None:
        """A word as it is; None where the option is not given or its value not known."""
        field = self._value(name)
        return field.text if field is not None and field.is_known else None

    def words(self, name: str) -> tuple[Field, ...]:
        """All words behind an option."""
        self._read.add(name)
        return self.options[name].values if name in self.options else ()

    def line(self, name: str) -> int | None:
        """Where an option stands."""
        return self.options[name].line if name in self.options else None

    def unread(self) -> tuple[str, ...]:
        """Options that nobody asked for, in the order of the command line."""
        return tuple(name for name in self.options if name not in self._read)

    def refuse(self, name: str, why: str) -> None:
        """Note an option whose effect placer cannot cost."""
        if self.has(name):
            self.problems.add(self.line(name), name, "an option placer can cost", name, why)

    def _value(self, name: str) -> Field | None:
        """The one word behind an option."""
        words = self.words(name)
        if name in self.options and not words:
            line = self.options[name].line
            self.problems.add(line, name, "a value", "nothing")
        return words[0] if words else None

    def _wrong(self, name: str, expected: str, field: Field, remedy: str = "") -> None:
        if not field.is_known:
            remedy = "Only running the script would tell; write the value into it, or into a copy."
        self.problems.add(field.line, name, expected, repr(field.text), remedy)
