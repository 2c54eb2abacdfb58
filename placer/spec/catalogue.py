"""Names of models and clusters as files: the catalogue that travels with placer, and the user's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
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


def catalogue_names(kind: CatalogueKind) -> tuple[str, ...]:
    """Names in one catalogue, sorted."""
    return tuple(sorted(path.stem for path in catalogue_folder(kind).glob("*.yaml")))


def find_kind(name: str) -> CatalogueKind | None:
    """Which catalogue has this name; None for neither."""
    return next((kind for kind in CatalogueKind if name in catalogue_names(kind)), None)


def resolve_input(reference: str, kind: CatalogueKind | None = None) -> InputFile:
    """Find what a user named: a name in the catalogue, else a file.

    Parameters
    ----------
    reference
        What was typed.
    kind
        The catalogue to look in; both when None.

    Raises
    ------
    InputError
        When it is neither, with the nearest names, or when the file cannot be read.
    """
    path = _find(reference, tuple(CatalogueKind) if kind is None else (kind,))
    return InputFile(name=path.name, path=path, sha256=read_text(path).sha256)


def _find(reference: str, kinds: tuple[CatalogueKind, ...]) -> Path:
    for kind in kinds:
        if reference in catalogue_names(kind):
            return catalogue_folder(kind) / f"{reference}.yaml"
    if _looks_like_file(reference):
        return Path(reference)
    raise InputError([_unknown_name(reference, kinds)])


def _looks_like_file(reference: str) -> bool:
    return (
        reference.lower().endswith(_FILE_SUFFIXES)
        or os.sep in reference
        or os.path.exists(reference)  # noqa: PTH110 (Path.exists raises on names too long)
    )


def _unknown_name(reference: str, kinds: tuple[CatalogueKind, ...]) -> Problem:
    other = find_kind(reference)
    if other is None:
        known = [name for kind in kinds for name in catalogue_names(kind)]
        remedy = f"{did_you_mean(reference, known)} `placer show` lists all.".lstrip()
    else:
        remedy = f"That is a {other}; the model comes first, then the cluster."
    what = " or ".join(kinds)
    return Problem(
        source=what,
        expected=f"a {what} of the catalogue, or a file",
        found=shorten(repr(reference)),
        remedy=remedy,
    )
