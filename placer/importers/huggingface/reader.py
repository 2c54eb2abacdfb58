"""Typed access to one config.json: what is wrong is collected, what nobody read is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from placer.errors import InputError, Problem
from placer.importers.huggingface.harmless import is_harmless
from placer.spec.field_problems import show_value
from placer.spec.model import MAX_WIDTH
from placer.spec.yaml_source import SourceMapping

Names = tuple[str, ...]
Scalar = bool | int | None

PLACEHOLDER = 1
"""Stands for a value that could not be read, so that reading goes on to the next problem."""


@dataclass(kw_only=True)
class ConfigReader:
    """Reads the fields of one mapping inside a config.json.

    ``path`` leads from the file's root to the mapping (empty, or ``text_config``). ``defaults`` are
    the transformers class's own values; a nested configuration may leave out whatever equals them,
    a file's root may not leave out a dimension. A dotted name reaches into a nested mapping.
    """

    source: SourceMapping
    path: Names
    values: Mapping[str, object]
    defaults: Mapping[str, Scalar]
    problems: list[Problem] = field(default_factory=list)
    assumed: dict[str, Scalar] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)

    def count(self, names: Names, *, maximum: int = MAX_WIDTH) -> int:
        """Read a dimension that must be there, and not null."""
        num_problems = len(self.problems)
        number = self.optional_count(names, minimum=1, maximum=maximum)
        if number is None and len(self.problems) == num_problems:
            self._report_missing(names)
        return PLACEHOLDER if number is None else number

    def dimension(self, names: Names, fallback: int) -> int:
        """Read a dimension that follows from others (``fallback``) where the file has null."""
        return self.optional_count(names, minimum=1) or fallback

    def count_or(self, names: Names, fallback: int, *, minimum: int = 1) -> int:
        """Read an integer that means ``fallback`` where the file does not have it."""
        if not self.path and not self.has(names):
            self._read.update(names)
            return fallback
        number = self.optional_count(names, minimum=minimum)
        return fallback if number is None else number

    def optional_count(
        self, names: Names, *, minimum: int = 0, maximum: int = MAX_WIDTH
    ) -> int | None:
        """Read an integer; None when it is null, or absent and None by the family's class.

        A nested configuration leaves out what equals its class's defaults, so they stand in there.
        Absent from the file's root, a number is missing: the class's is some other model's.
        """
        name, value = self._lookup(names)
        if value is None:
            return None
        if not self.path and not self.has(names):
            self._report_missing(names)
            return PLACEHOLDER
        if isinstance(value, bool) or not isinstance(value, int):
            self.report(
                name, f"an integer >= {minimum}", show_value(value), "Write a whole number."
            )
            return PLACEHOLDER
        if not minimum <= value <= maximum:
            self.report(name, f"an integer from {minimum} to {maximum}", show_value(value), "")
            return PLACEHOLDER
        return value

    def flag(self, name: str) -> bool:
        """Read true or false; null and absent without a default are false."""
        _, value = self._lookup((name,))
        if value is None or isinstance(value, bool):
            return bool(value)
        self.report(name, "true or false", show_value(value), "")
        return False

    def text(self, name: str) -> str | None:
        """Read a word; None when null or absent."""
        _, value = self._lookup((name,))
        if value is None or isinstance(value, str):
            return value
        self.report(name, "a word", show_value(value), "")
        return None

    def words(self, name: str, *, length: int) -> tuple[str, ...] | None:
        """Read a list with one word per layer; None when null or absent."""
        value = self._list(name)
        if value is None:
            return None
        if not all(isinstance(entry, str) for entry in value):
            self.report(name, "a list of words", show_value(value), "")
            return None
        if len(value) != length:
            self.report(name, f"{length} entries, one per layer", f"{len(value)}", "")
            return None
        return tuple(str(entry) for entry in value)

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Read a list of integers; None when null or absent."""
        value = self._list(name)
        if value is None:
            return None
        if not all(isinstance(entry, int) and not isinstance(entry, bool) for entry in value):
            self.report(name, "a list of integers", show_value(value), "")
            return None
        return tuple(int(str(entry)) for entry in value)

    def expect(self, name: str, allowed: Sequence[Scalar | str]) -> None:
        """Accept a field only where it says what the family's formulas assume.

        A list is checked entry by entry.
        """
        self._read.add(name)
        value = self._raw(name)
        if value is _ABSENT or value is None:
            return
        entries = value if isinstance(value, list) else [value]
        wrong = [entry for entry in entries if not _is_one_of(entry, allowed)]
        if wrong:
            wanted = " or ".join(show_value(option) for option in allowed)
            remedy = "Another value changes the cost in a way placer does not know."
            self.report(name, wanted, show_value(wrong[0]), remedy)

    def has(self, names: Names) -> bool:
        """Whether the file gives any of these fields, null included."""
        return any(self._raw(name) is not _ABSENT for name in names)

    def skip(self, names: Names) -> None:
        """Note fields that say nothing in this family."""
        self._read.update(names)

    def report(self, name: str, expected: str, found: str, remedy: str) -> None:
        """Note a problem at a field, or where it would be."""
        path = (*self.path, *name.split("."))
        self.problems.append(
            self.source.problem(path, expected=expected, found=found, remedy=remedy)
        )

    def refuse_unread(self, harmless: str) -> None:
        """Note every field that nobody read and that is not known to leave the cost alone."""
        ignored = {*harmless.split(), *self._read}
        for name, value in _leaves(self.values):
            if is_harmless(name, value) or ignored.intersection({name, name.split(".")[0]}):
                continue
            self.report(
                name,
                "a field placer understands",
                show_value(value),
                "It may change the cost. Remove it if it does not, or write the model as YAML.",
            )

    def raise_problems(self) -> None:
        """Raise everything found so far, in file order.

        Raises
        ------
        InputError
            If anything was found.
        """
        if self.problems:
            raise InputError(sorted(self.problems, key=lambda p: (p.line or 0, p.column or 0)))

    def _report_missing(self, names: Names) -> None:
        self.report(names[0], "an integer", "nothing", f"Add {names[0]} to the file.")

    def _lookup(self, names: Names) -> tuple[str, object]:
        """Value of the first of the names that the file gives, else the class's default."""
        self._read.update(names)
        given = [(name, self._raw(name)) for name in names if self._raw(name) is not _ABSENT]
        if not given:
            name = next((name for name in names if name in self.defaults), names[0])
            default = self.defaults.get(name)
            if default is not None:
                self.assumed[name] = default
            return name, default
        name, value = given[0]
        for other, other_value in given[1:]:
            if other_value != value:
                self.report(
                    other, f"the same as {name} ({show_value(value)})", show_value(other_value), ""
                )
        return name, value

    def _list(self, name: str) -> list[object] | None:
        _, value = self._lookup((name,))
        if value is None or isinstance(value, list):
            return value
        self.report(name, "a list", show_value(value), "")
        return None

    def _raw(self, name: str) -> object:
        value: object = self.values
        for part in name.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return _ABSENT
            value = value[part]
        return value


_ABSENT = object()


def _leaves(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Fields with dotted names, nested mappings opened; marked harmless ones left whole."""
    leaves: list[tuple[str, object]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and not is_harmless(name, value):
            leaves.extend(_leaves(value, f"{name}."))
        else:
            leaves.append((name, value))
    return leaves


def _is_one_of(value: object, allowed: Sequence[Scalar | str]) -> bool:
    """Equality that tells True from 1."""
    return any(value == option and type(value) is type(option) for option in allowed)
