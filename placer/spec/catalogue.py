"""Names of models and clusters as files: the catalogue that travels with placer, and the user's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from placer.errors import InputError, Problem, shorten
from placer.spec.source_text import read_text
from placer.spec.suggest import did_you_mean

_PACKAGE = Path(__file__).resolve().parent.parent
_FILE_SUFFIXES = (".yaml", ".yml", ".json")


class CatalogueKind(StrEnum):
    """The two catalogues; their folders are the plural."""

    MODEL = "model"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """The file behind what a user named.

    ``name`` is the file's name without folders, so that it says the same on every machine;
    ``sha256`` is of its bytes.
    """

    name: str
    path: Path
    sha256: str


def catalogue_folder(kind: CatalogueKind) -> Path:
    """Folder of one catalogue: inside an installed package, one folder up in a checkout."""
    installed = _PACKAGE / f"{kind}s"
    return installed if installed.is_dir() else _PACKAGE.parent / f"{kind}s"


@cache
def catalogue_names(kind: CatalogueKind) -> tuple[str, ...]:
    """Names in one catalogue, sorted."""
    return tuple(sorted(path.stem for path in catalogue_folder(kind).glob("*.yaml")))


def resolve_input(argument: str, kind: CatalogueKind) -> InputFile:
    """Find what a user named: a name in the catalogue, else a file.

    Raises
    ------
    InputError
        When it is neither, with the nearest names, or when the file cannot be read.
    """
    path = _find(argument, kind)
    return InputFile(name=path.name, path=path, sha256=read_text(path).sha256)


def find_kind(argument: str) -> CatalogueKind | None:
    """Which catalogue has this name; None for neither."""
    return next((kind for kind in CatalogueKind if argument in catalogue_names(kind)), None)


def _find(argument: str, kind: CatalogueKind) -> Path:
    if argument in catalogue_names(kind):
        return catalogue_folder(kind) / f"{argument}.yaml"
    if _looks_like_file(argument):
        return Path(argument)
    raise InputError([_unknown_name(argument, kind)])


def _looks_like_file(argument: str) -> bool:
    return (
        argument.lower().endswith(_FILE_SUFFIXES) or os.sep in argument or os.path.exists(argument)  # noqa: PTH110 (Path.exists raises on names too long)
    )


def _unknown_name(argument: str, kind: CatalogueKind) -> Problem:
    other = find_kind(argument)
    if other is None:
        remedy = did_you_mean(argument, catalogue_names(kind))
        remedy = f"{remedy} `placer show` lists all.".lstrip()
    else:
        remedy = f"That is a {other}; the model comes first, then the cluster."
    return Problem(
        source=kind.upper(),
        expected=f"a {kind} of the catalogue or a file",
        found=shorten(repr(argument)),
        remedy=remedy,
    )
