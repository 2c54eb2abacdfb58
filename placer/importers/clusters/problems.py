"""Problems of files that name hosts, and of formats where one file holds all."""

from __future__ import annotations

from collections.abc import Sequence

from placer.errors import InputError, Problem
from placer.importers.clusters.hostlists import MAX_LIST, expand_list
from placer.importers.problems import Problems
from placer.spec.source_text import SourceText


class HostProblems(Problems):
    """Reads hostlists besides, within a limit for the whole file."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._num_names = 0

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
