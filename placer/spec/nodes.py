"""Parsed documents that remember where each value stood, built within limits.

YAML and JSON readers feed the same ``build_tree`` with events, so limits and duplicate keys are
handled once. YAML here is the part people write by hand: no tags, one document, aliases allowed
as long as what they expand to stays small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from placer.errors import InputError, Problem, shorten

MAX_NODES = 100_000
MAX_DEPTH = 64


class EventKind(Enum):
    """What a reader saw."""

    SCALAR = "scalar"
    MAPPING = "mapping"
    SEQUENCE = "sequence"
    CLOSE = "close"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a document.

    ``line`` and ``column`` count from 1. ``value`` is a scalar's value, possibly ``Refused``, and
    ``text`` how it was written (what a key or an alias is called); ``anchor`` names a node for
    aliases to repeat.
    """

    kind: EventKind
    line: int
    column: int
    value: object = None
    text: str = ""
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A scalar no field can take, such as an infinite number: what was expected and found."""

    expected: str
    found: str


@dataclass(slots=True)
class Node:
    """A value and where it stood.

    ``children`` has the items of a mapping by key or of a sequence by index; ``key_marks`` where
    each key stood; ``size`` the nodes in it, aliases expanded.
    """

    line: int
    column: int
    value: object
    children: dict[str | int, Node] = field(default_factory=dict)
    key_marks: dict[str | int, tuple[int, int]] = field(default_factory=dict)
    size: int = 1


def field_path(path: Iterable[str | int]) -> str:
    """Write a path as people do: ``levels[1].bandwidth``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shorten(text.removeprefix("."))


def build_tree(source: str, events: Iterator[Event]) -> tuple[Node, list[Problem]]:
    """Build the tree of one document.

    Returns
    -------
    Node
        The root.
    list[Problem]
        Duplicate keys, of which the first value is kept, and refused scalars, which become None;
        in file order.

    Raises
    ------
    InputError
        When a limit is passed or an alias has no anchor.
    """
    builder = _Builder(source, events)
    root = builder.node(next(events))
    next(events, None)  # what stands behind the root is an error that the reader raises
    return root, builder.problems


class _Builder:
    """Recursive descent over events; recursion is bounded by MAX_DEPTH."""

    def __init__(self, source: str, events: Iterator[Event]) -> None:
        self.source = source
        self.events = events
        self.problems: list[Problem] = []
        self.path: list[str | int] = []
        self.anchors: dict[str, Node] = {}
        self.num_nodes = 0

    def node(self, event: Event) -> Node:
        if event.kind is EventKind.ALIAS:
            return self._alias(event)
        if len(self.path) >= MAX_DEPTH:
            raise self._refusal(event, f"at most {MAX_DEPTH} nested levels", "more")
        self._count(event, 1)
        if event.kind is EventKind.MAPPING:
            node = self._mapping(event)
        elif event.kind is EventKind.SEQUENCE:
            node = self._sequence(event)
        else:
            node = self._scalar(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _scalar(self, event: Event) -> Node:
        if not isinstance(event.value, Refused):
            return Node(event.line, event.column, event.value)
        self.problems.append(self._problem(event, event.value.expected, event.value.found))
        return Node(event.line, event.column, None)

    def _mapping(self, start: Event) -> Node:
        values: dict[str, object] = {}
        node = Node(start.line, start.column, values)
        while (key := next(self.events)).kind is not EventKind.CLOSE:
            if key.kind is not EventKind.SCALAR:
                raise self._refusal(key, "a name before the colon", f"a {key.kind.value}")
            self._count(key, 1)
            child = self._child(key.text, next(self.events))
            node.size += child.size + 1
            if key.text in values:
                self._report_duplicate(key, node)
                continue
            values[key.text] = child.value
            node.children[key.text] = child
            node.key_marks[key.text] = (key.line, key.column)
        return node

    def _sequence(self, start: Event) -> Node:
        values: list[object] = []
        node = Node(start.line, start.column, values)
        while (event := next(self.events)).kind is not EventKind.CLOSE:
            child = self._child(len(values), event)
            node.size += child.size
            node.children[len(values)] = child
            values.append(child.value)
        return node

    def _child(self, part: str | int, event: Event) -> Node:
        self.path.append(part)
        child = self.node(event)
        self.path.pop()
        return child

    def _alias(self, event: Event) -> Node:
        target = self.anchors.get(event.text)
        if target is None:
            raise self._refusal(event, f"an anchor &{event.text} before the alias", "none")
        self._count(event, target.size)
        return target

    def _count(self, event: Event, num_nodes: int) -> None:
        self.num_nodes += num_nodes
        if self.num_nodes > MAX_NODES:
            raise self._refusal(event, f"at most {MAX_NODES} values, aliases expanded", "more")

    def _report_duplicate(self, key: Event, mapping: Node) -> None:
        found = f"a second one; the first is on line {mapping.key_marks[key.text][0]}"
        self.path.append(key.text)
        problem = self._problem(key, "each field once", found, "Remove one of them.")
        self.path.pop()
        self.problems.append(problem)

    def _refusal(self, event: Event, expected: str, found: str) -> InputError:
        return InputError([self._problem(event, expected, found, "Write the file out plainly.")])

    def _problem(self, event: Event, expected: str, found: str, remedy: str = "") -> Problem:
        return Problem(
            source=self.source,
            line=event.line,
            column=event.column,
            field=field_path(self.path),
            expected=expected,
            found=found,
            remedy=remedy,
        )
