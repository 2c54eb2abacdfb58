"""Input files as validated objects, every problem with its file, line, column and remedy.

Whatever the file holds (garbage, bombs, a directory), the answer is an ``InputError`` in little
time and memory; what is wrong is reported all at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError

from placer.errors import InputError, Problem
from placer.spec.field_problems import MAX_PROBLEMS, FieldProblem, field_problems
from placer.spec.nodes import Node, build_tree, field_path
from placer.spec.readers import json_events, yaml_events
from placer.spec.source_text import SourceText, read_text

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMapping:
    """A parsed file: its data, and where in the file each value stood.

    ``source`` is the path as given; ``sha256`` is of the file's bytes; ``problems`` were found
    while parsing (duplicate fields, infinite numbers).
    """

    source: str
    sha256: str
    data: dict[str, object]
    root: Node
    problems: tuple[Problem, ...] = ()

    def locate(self, path: Iterable[str | int]) -> tuple[int, int]:
        """Line and column, from 1, of the value at a path, or of the innermost part that exists."""
        node, position = self.root, (self.root.line, self.root.column)
        for part in path:
            child = node.children.get(part)
            if child is None:
                break
            node, position = child, (child.line, child.column)
        return position

    def locate_key(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Line and column, from 1, of the name of the field at a path."""
        node = self.root
        for part in path[:-1]:
            node = node.children[part]
        return node.key_marks[path[-1]]

    def problem(
        self, path: tuple[str | int, ...], *, expected: str, found: str, remedy: str = ""
    ) -> Problem:
        """A problem with the value at a path, for readers that check more than a schema can."""
        line, column = self.locate(path)
        return Problem(
            source=self.source,
            line=line,
            column=column,
            field=field_path(path),
            expected=expected,
            found=found,
            remedy=remedy,
        )


def parse_mapping(path: Path) -> SourceMapping:
    """Read a file as ``load_mapping`` does, and leave it to the caller to raise its ``problems``.

    Raises
    ------
    InputError
        For anything that keeps the file from being read as data.
    """
    return mapping_of(read_text(path))


def mapping_of(file: SourceText) -> SourceMapping:
    """Parse a file already read, JSON by its suffix; raises as ``parse_mapping`` does."""
    read = json_events if PurePath(file.name).suffix.lower() == ".json" else yaml_events
    root, problems = build_tree(file.name, read(file.name, file.text))
    if not isinstance(root.value, dict):
        problem = Problem(
            source=file.name,
            line=root.line,
            column=root.column,
            expected="fields and values (a mapping)",
            found="a list" if isinstance(root.value, list) else "a single value",
            remedy="Write `name: value` lines.",
        )
        raise InputError([problem])
    return SourceMapping(
        source=file.name,
        sha256=file.sha256,
        data=cast(dict[str, object], root.value),
        root=root,
        problems=tuple(problems[:MAX_PROBLEMS]),
    )


def load_mapping(path: Path) -> SourceMapping:
    """Read a YAML or (by its suffix) JSON file whose top is a mapping.

    Raises
    ------
    InputError
        For anything that keeps the file from being read as data, all duplicate fields and
        infinite numbers at once.
    """
    mapping = parse_mapping(path)
    if mapping.problems:
        raise InputError(mapping.problems)
    return mapping


def load_document(path: Path, model: type[T]) -> T:
    """Read a YAML or JSON file and validate it.

    Raises
    ------
    InputError
        With everything wrong in the file, in file order.
    """
    return validate_mapping(parse_mapping(path), model)


def validate_mapping(mapping: SourceMapping, model: type[T]) -> T:
    """Validate data already read against a pydantic model.

    Raises
    ------
    InputError
        With everything wrong in the data, in file order, one problem per place.
    """
    problems = list(mapping.problems)
    try:
        document = model.model_validate(mapping.data)
    except ValidationError as error:
        found = field_problems(error, model, mapping.root)
        problems += [_located(mapping, problem) for problem in found]
        problems += _unlisted(mapping, error.error_count())
    if not problems:
        return document
    by_place = {(p.line or 0, p.column or 0, p.field): p for p in reversed(problems)}
    raise InputError(by_place[place] for place in sorted(by_place))


def _unlisted(mapping: SourceMapping, num_errors: int) -> list[Problem]:
    """Say so when a file is wrong in more places than are listed."""
    if num_errors <= MAX_PROBLEMS:
        return []
    return [
        Problem(
            source=mapping.source,
            expected="a file of this kind",
            found=f"{num_errors} problems, of which some follow",
            remedy="Is this the right file?",
        )
    ]


def _located(mapping: SourceMapping, problem: FieldProblem) -> Problem:
    """Add file, line and column: of the name for a field nobody knows, else of the value."""
    find = mapping.locate_key if problem.about_key else mapping.locate
    line, column = find(problem.path)
    return Problem(
        source=mapping.source,
        line=line,
        column=column,
        field=field_path(problem.path),
        expected=problem.expected,
        found=problem.found,
        remedy=problem.remedy,
    )
