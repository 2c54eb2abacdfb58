"""Which of a script's commands starts the training, and on how many GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from placer.errors import InputError
from placer.importers.jobs.options import options_of
from placer.importers.shell import Field, Script, read_script
from placer.spec.source_text import SourceText

MIN_OPTIONS: Final = 2
_SBATCH: Final = re.compile(r"^\s*#SBATCH\s+--?([\w-]+)(?:[=\s]+(\S+))?", re.MULTILINE)
_COUNT: Final = re.compile(r"[1-9]\d{0,6}")
_GRES: Final = re.compile(r"gpu(?::[A-Za-z]\w*)?:(\d{1,3})")
_STRING: Final = re.compile(r"\s--\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """The words of the training command, and how many GPUs the script asks for (None: not said)."""

    fields: tuple[Field, ...]
    num_gpus: int | None
    notes: tuple[str, ...]
    variables: Mapping[str, tuple[Field, ...]]


def find_launch(file: SourceText, known: Sequence[str]) -> Launch | None:
    """The command, variable or array of a script that has most of the ``known`` options.

    Commands inside a quoted text (``bash -c "..."``) count too. None when none has two.

    Raises
    ------
    InputError
        When the script cannot be read.
    """
    script = read_script(file)
    best: tuple[Field, ...] = ()
    most = MIN_OPTIONS - 1
    wanted = frozenset(known)
    for fields in _candidates(script):
        count = len(wanted & options_of(fields).keys())
        if count > most:
            best, most = fields, count
    if not best:
        return None
    return Launch(
        fields=best,
        num_gpus=_torchrun_gpus(best) or _sbatch_gpus(file.text),
        notes=script.notes,
        variables=script.variables,
    )


def _candidates(script: Script) -> Iterator[tuple[Field, ...]]:
    """Words of commands first, then of texts inside them, then of variables."""
    for command in script.commands:
        yield command.fields
    texts = [field for command in script.commands for field in command.fields]
    texts += [field for fields in script.variables.values() for field in fields]
    for field in texts:
        if _STRING.search(field.text):
            yield from _commands_in(field)
    yield from script.variables.values()


def _commands_in(field: Field) -> Iterator[tuple[Field, ...]]:
    """Commands in a text that is a script itself, all at the line of the text."""
    inner = SourceText(name="", sha256="", text=field.text)
    try:
        commands = read_script(inner).commands
    except InputError:
        return
    for command in commands:
        yield tuple(replace(word, line=field.line) for word in command.fields)


def _torchrun_gpus(fields: Sequence[Field]) -> int | None:
    """Nodes times processes per node, where a launcher's options stand before the program."""
    program = next((i for i, field in enumerate(fields) if field.text.endswith(".py")), 0)
    options = options_of(fields[:program])
    nodes = _counted(options["--nnodes"].values) if "--nnodes" in options else 1
    if "--nproc-per-node" not in options or nodes is None:
        return None
    per_node = _counted(options["--nproc-per-node"].values)
    return None if per_node is None else nodes * per_node


def _counted(values: Sequence[Field]) -> int | None:
    known = bool(values) and values[0].is_known and _COUNT.fullmatch(values[0].text)
    return int(values[0].text) if known else None


def _sbatch_gpus(text: str) -> int | None:
    """Nodes times GPUs per node, from the directives of a batch script."""
    found: dict[str, str] = dict(_SBATCH.findall(text))
    nodes = found.get("nodes", found.get("N", ""))
    per_node = found.get("gpus-per-node", found.get("ntasks-per-node", ""))
    match = _GRES.search(found.get("gres", ""))
    if match is not None:
        per_node = match[1]
    per_node = per_node.rpartition(":")[2]
    if not (_COUNT.fullmatch(nodes) and _COUNT.fullmatch(per_node)):
        return None
    return int(nodes) * int(per_node)
