"""A whole script: what its variables come to and which commands it would run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from placer.importers.shell.conditions import test_outcome
from placer.importers.shell.expansion import Field, Variables, expand, expand_whole
from placer.importers.shell.lexer import tokens
from placer.importers.shell.parser import Parser
from placer.importers.shell.syntax import (
    MAX_DEPTH,
    Case,
    Chain,
    Function,
    Group,
    Here,
    If,
    Loop,
    Node,
    Part,
    PartKind,
    Simple,
    Word,
    refusal,
)
from placer.spec.source_text import SourceText

MAX_COMMANDS: Final = 20_000
MAX_NOTES: Final = 20
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(\[\w*\])?(\+?)=(.*)", re.DOTALL)
_DECLARATIONS: Final = frozenset({"export", "declare", "local", "readonly", "typeset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command the script would run, its words expanded."""

    fields: tuple[Field, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a script comes to.

    ``variables`` has the fields of every variable at the end (one for a scalar). ``notes`` say what
    was left out because only running the script would decide it.
    """

    commands: tuple[Command, ...]
    variables: Mapping[str, tuple[Field, ...]]
    notes: tuple[str, ...]


def read_script(file: SourceText) -> Script:
    """Follow a bash script without running anything.

    Assignments, arrays, ``if`` and ``case`` on what the script itself sets, functions and
    here-documents are followed; loops over words once, with a variable of unknown value; other loops
    and branches that depend on the outside are left out and noted.

    Raises
    ------
    InputError
        For quotes that do not end, and beyond the limits.
    """
    walk = _Walk(file.name)
    walk.run(Parser(file.name, tokens(file.name, file.text)).script())
    variables = {name: tuple(fields) for name, fields in walk.variables.values.items()}
    return Script(commands=tuple(walk.commands), variables=variables, notes=tuple(walk.notes))


class _Walk:
    """Follows the nodes of a script in order."""

    def __init__(self, source: str) -> None:
        self.variables = Variables(source)
        self.commands: list[Command] = []
        self.notes: list[str] = []
        self._source = source
        self._functions: dict[str, tuple[Node, ...]] = {}
        self._depth = 0

    def run(self, nodes: Iterable[Node]) -> None:
        """Follow some nodes."""
        self._depth += 1
        if self._depth <= MAX_DEPTH:
            for node in nodes:
                self._follow(node)
        self._depth -= 1

    def _follow(self, node: Node) -> None:
        if isinstance(node, Simple):
            self._simple(node)
        elif isinstance(node, If):
            self._if(node)
        elif isinstance(node, Case):
            self._case(node)
        elif isinstance(node, Chain):
            self._chain(node)
        elif isinstance(node, Group):
            self.run(node.body)
        elif isinstance(node, Function):
            self._functions[node.name] = node.body
        elif isinstance(node, Here):
            self.run(Parser(self._source, tokens(self._source, node.text, node.line)).script())
        elif node.variable:
            self._loop(node)
        else:
            self._leave_out(node.body, node.line, "a loop")

    def _simple(self, node: Simple) -> None:
        words = list(node.words)
        while words and self._assign(words[0]):
            words.pop(0)
        fields = [item for word in words for item in expand(word, self.variables)]
        if not fields:
            return
        self.commands.append(Command(fields=tuple(fields), line=node.line))
        if len(self.commands) > MAX_COMMANDS:
            raise refusal(self._source, node.line, f"at most {MAX_COMMANDS} commands", "more")
        name = fields[0].text
        if name in _DECLARATIONS:
            for word in words[1:]:
                self._assign(word)
        elif name == "unset":
            for item in fields[1:]:
                self.variables.unset(item.text)
        elif name in {"source", "."}:
            self._note(node.line, f"{' '.join(item.text for item in fields[1:2])} is not opened")
        elif name in self._functions:
            body = self._functions.pop(name)
            self.run(body)
            self._functions[name] = body

    def _assign(self, word: Word) -> bool:
        """Carry out ``NAME=value``, ``NAME+=value``, ``NAME=( ... )``; False for another word."""
        first = word.parts[0] if word.parts else None
        if first is None or first.kind is not PartKind.TEXT or first.quoted:
            return False
        match = _ASSIGNMENT.fullmatch(first.text)
        if match is None:
            return False
        name, index, plus, rest = match.groups()
        if index:
            return True
        if word.elements is not None:
            fields = [f for element in word.elements for f in expand(element, self.variables)]
            self.variables.assign(name, fields, array=True, append=bool(plus))
            return True
        value = (Part(kind=PartKind.TEXT, text=rest, quoted=False), *word.parts[1:])
        field = expand_whole(Word(parts=value, line=word.line), self.variables)
        self.variables.assign(name, [field], array=False, append=bool(plus))
        return True

    def _if(self, node: If) -> None:
        """The first branch whose condition holds; none where one before it is not decided."""
        for index, branch in enumerate(node.branches):
            outcome = self._outcome(branch.condition) if branch.condition else True
            if outcome is None:
                bodies = [inner for rest in node.branches[index:] for inner in rest.body]
                self._leave_out(bodies, node.line, "a condition")
                return
            if outcome:
                self.run(branch.body)
                return

    def _outcome(self, nodes: Sequence[Node]) -> bool | None:
        """Whether commands succeed: the last one decides."""
        return self._succeeds(nodes[-1]) if nodes else None

    def _succeeds(self, node: Node) -> bool | None:
        if isinstance(node, Simple):
            return test_outcome([expand_whole(word, self.variables) for word in node.words])
        if isinstance(node, Group):
            outcome = self._outcome(node.body)
            return not outcome if node.negated and outcome is not None else outcome
        if not isinstance(node, Chain):
            return None
        outcome = self._succeeds(node.terms[0][1])
        for symbol, term in node.terms[1:]:
            settling = symbol == "||"
            both = (outcome, self._succeeds(term))
            outcome = settling if settling in both else None if None in both else not settling
        return outcome

    def _chain(self, node: Chain) -> None:
        """``a && b``: a command is taken to succeed, a test by its outcome."""
        self._follow(node.terms[0][1])
        last = node.terms[0][1]
        for symbol, term in node.terms[1:]:
            outcome = self._succeeds(last)
            if outcome is None and _is_test(last):
                self._leave_out([term], node.line, "a condition")
                return
            if (outcome is not False) is (symbol == "&&"):
                self._follow(term)
                last = term

    def _case(self, node: Case) -> None:
        subject = expand_whole(node.subject, self.variables)
        if not subject.is_known:
            bodies = [inner for _, body in node.branches for inner in body]
            self._leave_out(bodies, node.line, "a case")
            return
        for patterns, body in node.branches:
            texts = [expand_whole(pattern, self.variables).text for pattern in patterns]
            if any(fnmatchcase(subject.text, text) for text in texts):
                self.run(body)
                return

    def _loop(self, node: Loop) -> None:
        name = f"${{{node.variable}}}"
        value = Field(text=name, line=node.line, missing=(name,))
        self.variables.assign(node.variable, [value], array=False, append=False)
        self.run(node.body)

    def _leave_out(self, nodes: Iterable[Node], line: int, what: str) -> None:
        """Note a block that is not followed, if it would have set anything."""
        if any(_assigns(node) for node in _all(nodes)):
            self._note(line, f"{what} that only running the script decides is left out")

    def _note(self, line: int, text: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(f"line {line}: {text}")


def _is_test(node: Node) -> bool:
    words = node.words if isinstance(node, Simple) else ()
    return bool(words) and words[0].literal in {"[", "[[", "test"}


def _assigns(node: Node) -> bool:
    if not isinstance(node, Simple):
        return False
    return any(_ASSIGNMENT.match(word.parts[0].text) for word in node.words if word.parts)


def _all(nodes: Iterable[Node]) -> Iterator[Node]:
    """Nodes and all inside them."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Loop | Function | Group):
            waiting += node.body
        elif isinstance(node, If):
            waiting += [inner for branch in node.branches for inner in branch.body]
        elif isinstance(node, Case):
            waiting += [inner for _, body in node.branches for inner in body]
        elif isinstance(node, Chain):
            waiting += [term for _, term in node.terms]
