"""What a sweep varies: ``scale_up.size=8,72`` as a path into the template and its values.

A path names fields of the template; a part of a list is named by its number (``levels[1]``) or by
its own name (``levels.leaf``).
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from placer.errors import InputError, Problem, shorten
from placer.spec.suggest import did_you_mean

Value = str | int | float | bool
Point = tuple[Value, ...]

OPTION: Final = "--vary"
MOST_LAYOUTS: Final = 100_000
MOST_AXES: Final = 26

_STEP: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)((?:\[\d{1,5}\])*)")
_NUMBER: Final = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One field that varies: its path as typed, the same in steps, and its values in order."""

    key: str
    path: tuple[str | int, ...]
    values: tuple[Value, ...]


def parse_axes(texts: Iterable[str]) -> tuple[Axis, ...]:
    """Read ``KEY=V1,V2,...``, one text per axis; values are what YAML makes of them.

    Raises
    ------
    InputError
        With every text that is not understood, a field that varies twice, too many layouts.
    """
    axes: list[Axis] = []
    problems: list[Problem] = []
    for text in texts:
        axis = _parse_axis(text)
        if axis is None:
            problems.append(
                _problem("KEY=V1,V2,..., as scale_up.size=8,72", repr(shorten(text)), "")
            )
        elif any(axis.key == other.key for other in axes):
            problems.append(_problem("each field once", f"{axis.key} twice", "Join the values."))
        else:
            axes.append(axis)
    if len(axes) > MOST_AXES:
        problems.append(_problem(f"at most {MOST_AXES} fields", f"{len(axes)}", ""))
    count = num_points(axes)
    if count > MOST_LAYOUTS:
        remedy = "Vary fewer fields, or give fewer values."
        problems.append(_problem(f"at most {MOST_LAYOUTS:,} layouts", f"{count:,}", remedy))
    if problems:
        raise InputError(problems)
    return tuple(axes)


def num_points(axes: Iterable[Axis]) -> int:
    """Layouts of all combinations."""
    count = 1
    for axis in axes:
        count *= len(axis.values)
    return count


def points(axes: Iterable[Axis]) -> list[Point]:
    """All combinations, the last axis fastest."""
    return list(itertools.product(*(axis.values for axis in axes)))


def applied(
    document: Mapping[str, object], axes: Iterable[Axis], point: Point
) -> dict[str, object]:
    """A copy of the template with the values of one combination in it.

    Raises
    ------
    InputError
        When a path leads through something that holds no fields, or to a part nobody named.
    """
    changed = copy.deepcopy(dict(document))
    for axis, value in zip(axes, point, strict=True):
        _set(changed, axis, value)
    return changed


def label(axes: Iterable[Axis], point: Point) -> str:
    """``scale_up.size=8 fabric.oversubscription=2``."""
    return " ".join(f"{axis.key}={value}" for axis, value in zip(axes, point, strict=True))


def _parse_axis(text: str) -> Axis | None:
    key, equals, values = text.partition("=")
    key = key.strip()
    path: list[str | int] = []
    for step in key.split("."):
        match = _STEP.fullmatch(step)
        if match is None:
            return None
        path += [match[1], *(int(number) for number in _NUMBER.findall(match[2]))]
    read = [_value(part) for part in values.split(",")] if equals else []
    if not read or any(value is None for value in read):
        return None
    given = tuple(value for value in read if value is not None)
    return Axis(key=key, path=tuple(path), values=tuple(dict.fromkeys(given)))


def _value(text: str) -> Value | None:
    """One scalar as YAML reads it; None where it is empty, a list or a mapping."""
    try:
        value = yaml.safe_load(text) if len(text) <= 200 else None
    except (yaml.YAMLError, ValueError):
        return None
    return value if isinstance(value, (str, int, float, bool)) else None


def _set(document: dict[str, object], axis: Axis, value: Value) -> None:
    place: object = document
    for depth, step in enumerate(axis.path):
        last = depth == len(axis.path) - 1
        if isinstance(place, list):
            index = _index(place, step, axis)
            if last:
                place[index] = value
            place = place[index]
        elif isinstance(place, dict) and isinstance(step, str):
            if last:
                place[step] = value
            place = place.setdefault(step, {})
        else:
            held = ".".join(str(part) for part in axis.path[:depth])
            raise InputError([_problem("fields to vary", f"{axis.key}: {held} holds none", "")])


def _index(parts: list[object], step: str | int, axis: Axis) -> int:
    """The part of a list with this number or name."""
    if isinstance(step, int):
        if step < len(parts):
            return step
        expected = f"a number from 0 to {len(parts) - 1}"
        raise InputError([_problem(expected, f"{axis.key}: {step}", "")])
    names = [str(part.get("name", "")) if isinstance(part, dict) else "" for part in parts]
    if step in names:
        return names.index(step)
    remedy = did_you_mean(step, [name for name in names if name])
    raise InputError([_problem("the name of a part", f"{axis.key}: {step!r}", remedy)])


def _problem(expected: str, found: str, remedy: str) -> Problem:
    return Problem(source=OPTION, expected=expected, found=found, remedy=remedy)
