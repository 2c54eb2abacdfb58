"""Everything wrong in a file, collected so that it is reported at once."""

from __future__ import annotations

from collections.abc import Sequence

from placer.errors import InputError, Problem, shorten
from placer.importers.clusters.hostlists import MAX_LIST, expand_list
from placer.spec.source_text import SourceText

MAX_PROBLEMS = 40


class Problems:
    """The problems of one file, in the order they were met; at most forty."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.items: list[Problem] = []
        self._num_names = 0

    def add(
        self, line: int | None, field: str, expected: str, found: str, remedy: str = ""
    ) -> None:
        """Note one."""
        if len(self.items) < MAX_PROBLEMS:
            self.items.append(
                Problem(
                    source=self.source,
                    line=line,
                    field=shorten(field),
                    expected=expected,
                    found=shorten(found),
                    remedy=remedy,
                )
            )

    def hostlist(self, text: str, line: int | None, field: str) -> tuple[str, ...]:
        """The names a list of hostlists stands for; what is no list is noted.

        Raises
        ------
        InputError
            When a whole file names more than 2^18 hosts and switches.
        """
        if not text:
            return ()
        try:
            names = expand_list(text)
        except ValueError as error:
            self.add(line, field, *clause(error))
            return ()
        self._num_names += len(names)
        if self._num_names > MAX_LIST:
            self.add(line, field, f"at most {MAX_LIST} names in a file", "more")
            raise InputError(self.items)
        return names

    def raise_any(self) -> None:
        """Raise what was noted, in file order.

        Raises
        ------
        InputError
            If anything was.
        """
        if self.items:
            raise InputError(sorted(self.items, key=lambda problem: problem.line or 0))


def only_file(files: Sequence[SourceText], kind: str) -> SourceText:
    """The file, of formats where one holds the whole cluster.

    Raises
    ------
    InputError
        When there are several.
    """
    if len(files) > 1:
        problem = Problem(
            source=files[1].name,
            expected=f"one {kind}",
            found=f"{len(files)} files",
            remedy="Beside it only the output of `nvidia-smi topo -m` is read.",
        )
        raise InputError([problem])
    return files[0]


def clause(error: ValueError) -> tuple[str, str, str]:
    """A message ``expected ..., found .... Remedy`` as its three parts."""
    expected, _, rest = str(error).removeprefix("expected ").partition(", found ")
    found, _, remedy = rest.partition(". ")
    return expected, found, remedy
