"""What pydantic found wrong, in words a user can act on.

Validators of our own raise ``ValueError("expected X, found Y. Remedy")``, optionally with a path
in front (``mlp.ffn_hidden_size: expected ...``), or a ``QuantityError``; both keep their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import BaseModel, ValidationError

from placer.errors import shorten
from placer.spec.nodes import Node
from placer.spec.suggest import did_you_mean
from placer.units import QuantityError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
_OWN_MESSAGE: Final = re.compile(
    r"(?:(?P<path>[\w.\[\]]+): )?expected (?P<expected>.+?), (?:found|got) (?P<found>.+)", re.DOTALL
)
MAX_PROBLEMS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One problem at a path into the data; ``about_key`` when the name itself is wrong."""

    path: Path
    expected: str
    found: str
    remedy: str = ""
    about_key: bool = False


def field_problems(
    error: ValidationError, model: type[BaseModel], root: Node
) -> list[FieldProblem]:
    """Say what is wrong with the document under ``root``.

    Returns
    -------
    list[FieldProblem]
        In pydantic's order; of a file that is wrong throughout, the first ``MAX_PROBLEMS``.
    """
    schema = _schema_of(model)
    problems = []
    found_wrong = error.errors(include_url=False)[:MAX_PROBLEMS]
    for details in found_wrong:
        if _follows(details, found_wrong):
            continue
        path, node = _path_in(root, details["loc"], schema)
        found = show_value(details["input"] if node is None else node.value)
        problems.append(_problem(details, path, found, schema))
    return problems


@cache
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _follows(details: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Whether a problem only follows from another one that is reported itself.

    A default made from a field that is wrong; a list that is short because its items are wrong.
    """
    if details["type"] == "default_factory_not_called":
        return True
    inside = details["loc"]
    deeper = (o["loc"] for o in others if len(o["loc"]) > len(inside))
    return details["type"] == "too_short" and any(o[: len(inside)] == inside for o in deeper)


def _path_in(root: Node, location: Path, schema: Mapping[str, object]) -> tuple[Path, Node | None]:
    """Drop what pydantic adds to a path, such as the member of a union it tried.

    Returns
    -------
    path : Path
        Keys and indices, the last ones possibly of fields the file leaves out.
    node : Node | None
        What stands there in the file.
    """
    path: list[str | int] = []
    node: Node | None = root
    for part in location:
        child = node.children.get(part) if node is not None else None
        if child is None and part not in _field_names(schema, schema, tuple(path)):
            continue
        node = child
        path.append(part)
    return tuple(path), node


def _problem(
    details: ErrorDetails, path: Path, found: str, schema: Mapping[str, object]
) -> FieldProblem:
    kind = details["type"]
    if kind == "missing":
        remedy = f"Add {path[-1]}."
        return FieldProblem(path=path, expected="a value", found="nothing", remedy=remedy)
    if kind == "extra_forbidden":
        return FieldProblem(
            path=path,
            expected="a known field",
            found=show_value(path[-1]),
            remedy=did_you_mean(str(path[-1]), sorted(_field_names(schema, schema, path[:-1]))),
            about_key=True,
        )
    if kind == "value_error":
        return _own_words(details["ctx"]["error"], path, found)
    return FieldProblem(path=path, expected=_expected(details), found=found)


def _own_words(cause: ValueError, path: Path, found: str) -> FieldProblem:
    """Read a validator's own message, ``expected ..., found .... Remedy``."""
    if isinstance(cause, QuantityError):
        return FieldProblem(
            path=path, expected=cause.expected, found=cause.found, remedy=cause.remedy
        )
    match = _OWN_MESSAGE.fullmatch(str(cause))
    if match is None:
        return FieldProblem(path=path, expected=str(cause), found=found)
    found, _, remedy = match["found"].partition(". ")
    if remedy and not remedy.endswith((".", "?")):
        remedy += "."
    inner = _read_path(match["path"] or "")
    return FieldProblem(path=path + inner, expected=match["expected"], found=found, remedy=remedy)


def _read_path(text: str) -> Path:
    """Read ``levels[1].bandwidth`` back into its parts."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", text)
    return tuple(int(index) if index else name for index, name in parts)


_MAPPING: Final = "fields and values (a mapping)"
_PHRASES: Final = {
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": "a list",
    "list_type": "a list",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
    "string_type": "text",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "greater_than": "> {gt}",
    "greater_than_equal": ">= {ge}",
    "less_than": "< {lt}",
    "less_than_equal": "<= {le}",
    "multiple_of": "a multiple of {multiple_of}",
}


def _expected(details: ErrorDetails) -> str:
    """Words for pydantic's own error types; its message where it says enough."""
    kind = details["type"]
    if kind in _PHRASES:
        limits = details.get("ctx", {})
        return _PHRASES[kind].format(**{name: _plain(limits[name]) for name in limits})
    if kind in {"enum", "literal_error"}:
        choices = re.findall(r"'([^']+)'", details["ctx"]["expected"])
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    text = details["msg"].removeprefix("Input should be ").partition(", ")[0]
    return text[:1].lower() + text[1:]


def _plain(limit: object) -> object:
    """Drop the .0 that pydantic gives the whole limits of a float."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def show_value(value: object) -> str:
    """A value as a message shows it: short, and no whole mapping or list."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return shorten(repr(value))


def _field_names(schema: object, root: Mapping[str, object], path: Path) -> set[str]:
    """Names of the fields a JSON Schema allows at a path, through references and unions."""
    names: set[str] = set()
    for option in _options(schema, root):
        properties = cast(Mapping[str, object], option.get("properties", {}))
        if not path:
            names |= set(properties)
        elif isinstance(path[0], str) and path[0] in properties:
            names |= _field_names(properties[path[0]], root, path[1:])
        else:
            keyword = "items" if isinstance(path[0], int) else "additionalProperties"
            names |= _field_names(option.get(keyword), root, path[1:])
    return names


def _options(schema: object, root: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The plain schemas behind a schema: itself, what it refers to, the members of a union."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    if isinstance(reference := schema.get("$ref"), str):
        definitions = cast(Mapping[str, object], root["$defs"])
        yield from _options(definitions[reference.rpartition("/")[2]], root)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(keyword, ()):
            yield from _options(option, root)
