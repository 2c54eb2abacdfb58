"""Words to fields: variables put in, split at blanks, what nobody can know marked as missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from placer.importers.shell.arithmetic import UnknownValue, evaluate
from placer.importers.shell.syntax import Part, PartKind, Word, refusal

BLANK: Final = "\N{OPEN BOX}"
"""Stands for a blank in what is not known, so that it stays one word."""
MAX_CHARS: Final = 1 << 22
"""Characters that may come out of all expansions together: doubling variables double quickly."""
FIELD_CHARS: Final = 16
"""A field counts as so many characters more: an empty one takes time too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A word after expansion.

    ``missing`` are the parts of ``text`` that only running the script would tell, as written
    (``$1``, ``${NODES}``, ``$(hostname)``); ``line`` is where the word stands that it comes from.
    """

    text: str
    line: int
    missing: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the text is what the command would get."""
        return not self.missing


@dataclass(slots=True)
class Variables:
    """What has been assigned: a scalar is a list of one, an array is marked as such."""

    source: str
    values: dict[str, list[Field]] = field(default_factory=dict)
    arrays: set[str] = field(default_factory=set)
    num_chars: int = 0

    def assign(self, name: str, fields: list[Field], *, array: bool, append: bool) -> None:
        """Set or extend a variable."""
        known = self.values.get(name)
        if append and known is not None:
            if array or name in self.arrays:
                fields = [*known, *fields]
                array = True
            else:
                fields = [joined([*known, *fields], known[0].line)]
        self.count(
            sum(len(item.text) + FIELD_CHARS for item in fields), fields[0].line if fields else 0
        )
        self.values[name] = fields
        (self.arrays.add if array else self.arrays.discard)(name)

    def unset(self, name: str) -> None:
        """Forget a variable."""
        self.values.pop(name, None)
        self.arrays.discard(name)

    def count(self, num_chars: int, line: int) -> None:
        """Add to what has come out so far.

        Raises
        ------
        InputError
            Beyond 4 MiB.
        """
        self.num_chars += num_chars
        if self.num_chars > MAX_CHARS:
            raise refusal(self.source, line, f"at most {MAX_CHARS} characters expanded", "more")


def joined(fields: list[Field], line: int) -> Field:
    """Fields written one after the other."""
    return Field(
        text="".join(item.text for item in fields),
        line=line,
        missing=tuple(dict.fromkeys(name for item in fields for name in item.missing)),
    )


def expand(word: Word, variables: Variables) -> list[Field]:
    """The fields a command gets for a word: none, one or several."""
    return _Expander(variables, word.line).fields(word.parts)


def expand_whole(word: Word, variables: Variables) -> Field:
    """A word as one field, as on the right of an assignment."""
    return _Expander(variables, word.line).whole(word.parts)


class _Expander:
    """Expands the parts of one word."""

    def __init__(self, variables: Variables, line: int) -> None:
        self._variables = variables
        self._line = line

    def fields(self, parts: tuple[Part, ...]) -> list[Field]:
        """Split at blanks that come from unquoted expansions."""
        fields: list[Field] = []
        pending: list[Field] = []
        for part in parts:
            for piece, breaks in self._pieces(part):
                if breaks:
                    fields += [joined(pending, pending[0].line)] if pending else []
                    pending = []
                if piece is not None:
                    pending.append(piece)
        fields += [joined(pending, pending[0].line)] if pending else []
        self._variables.count(sum(len(item.text) + FIELD_CHARS for item in fields), self._line)
        return fields

    def whole(self, parts: tuple[Part, ...]) -> Field:
        """All parts as one text; several values are joined by a blank."""
        texts = [self._joined(self._values(part)) for part in parts]
        whole = joined(texts, texts[0].line if texts else self._line)
        self._variables.count(len(whole.text), self._line)
        return whole

    def _joined(self, values: list[Field]) -> Field:
        missing = tuple(dict.fromkeys(name for value in values for name in value.missing))
        line = values[0].line if values else self._line
        return Field(text=" ".join(value.text for value in values), line=line, missing=missing)

    def _pieces(self, part: Part) -> Iterator[tuple[Field | None, bool]]:
        """Pieces of a part, each with whether a new field begins before it."""
        values = self._values(part)
        for index, value in enumerate(values):
            if part.quoted or part.kind is PartKind.TEXT:
                yield value, index > 0
                continue
            words = value.text.split()
            leading, trailing = value.text[:1].isspace(), value.text[-1:].isspace()
            for position, text in enumerate(words):
                missing = tuple(name for name in value.missing if name in text)
                piece = Field(text=text, line=value.line, missing=missing)
                yield piece, position > 0 or leading or index > 0
            if trailing:
                yield None, True

    def _values(self, part: Part) -> list[Field]:
        """What a part stands for: one field, or those of an array."""
        values = self._variables.values.get(part.text)
        if part.kind is PartKind.PARAMETER:
            return self._parameter(part, values)
        if part.kind is PartKind.ARRAY:
            return self._array(part, values)
        if part.kind is PartKind.TEXT:
            return [self._known(part.text)]
        if part.kind is PartKind.ARITHMETIC:
            return [self._arithmetic(part.text)]
        if part.kind is PartKind.LENGTH and values is not None:
            return [self._known(str(len(values)))]
        return [self._missing(part.text)]

    def _array(self, part: Part, values: list[Field] | None) -> list[Field]:
        """All elements; one field with blanks between them where ``*`` is quoted."""
        if values is None:
            name = f"${{{part.text}[@]}}" if part.text.isidentifier() else "$@"
            return [self._missing(name)]
        return [self._joined(values)] if part.operator == "*" and part.quoted else list(values)

    def _parameter(self, part: Part, values: list[Field] | None) -> list[Field]:
        """A variable, or what its operator says of one that is not set or empty."""
        value = values[0] if values else None
        operator = part.operator
        if not operator or operator.endswith("?"):
            missing = self._missing(f"${{{part.text}}}")
            return (
                [value] if value is not None else [missing if values is None else self._known("")]
            )
        is_set = value is not None and bool(value.text or not operator.startswith(":"))
        if operator.endswith("+"):
            return [self.whole(part.default) if is_set else self._known("")]
        if is_set and value is not None:
            return [value]
        default = self.whole(part.default)
        if operator.endswith("="):
            self._variables.assign(part.text, [default], array=False, append=False)
        return [default]

    def _arithmetic(self, text: str) -> Field:
        def value_of(name: str) -> str:
            values = self._variables.values.get(name)
            if not values or not values[0].is_known:
                raise UnknownValue
            return values[0].text

        try:
            return self._known(str(evaluate(text, value_of)))
        except UnknownValue:
            return self._missing(f"$(({text}))")

    def _known(self, text: str) -> Field:
        return Field(text=text, line=self._line)

    def _missing(self, text: str) -> Field:
        shown = " ".join(text.split())[:60]
        name = shown.replace(" ", BLANK)
        return Field(text=name, line=self._line, missing=(name,))
