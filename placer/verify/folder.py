"""A folder ``placer emit`` wrote, read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.emit.files import RANK_TABLE_FILE
from placer.emit.manifest import MANIFEST_FILE, PLAN_FILE, Manifest
from placer.emit.registry import launcher_named, target_named
from placer.errors import InputError, Problem
from placer.plan.ranks import expand_ranks
from placer.plan.serialise import load_plan
from placer.spec.yaml_source import load_document

if TYPE_CHECKING:
    from pathlib import Path

    from placer.emit.target import Places
    from placer.plan.plan import Plan
    from placer.plan.strategy import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EmittedFolder:
    """Manifest, plan, and where the launcher's own files put each of the framework's ranks.

    ``order`` (N,) is the rank of the plan behind each rank of the framework; ``texts`` the files of
    framework and launcher.
    """

    path: Path
    manifest: Manifest
    plan: Plan
    order: IntArray
    places: Places
    texts: dict[str, str]


def read_folder(path: Path) -> EmittedFolder:
    """Read a folder.

    Raises
    ------
    InputError
        When it is no folder ``placer emit`` wrote, or its files cannot be read.
    """
    if not (path / MANIFEST_FILE).is_file():
        raise _not_emitted(path, f"no {MANIFEST_FILE}")
    manifest = load_document(path / MANIFEST_FILE, Manifest)
    plan = load_plan(path / PLAN_FILE)
    launcher, target = launcher_named(manifest.launcher), target_named(manifest.framework)
    planned = expand_ranks(plan)
    order = target.order(plan, planned)
    files = _texts(path)
    try:
        places = launcher.places(files, len(order))
    except (KeyError, ValueError, IndexError) as error:
        text = f"files of {manifest.launcher} that cannot be read: {error!r}"
        raise _not_emitted(path, text) from error
    return EmittedFolder(
        path=path,
        manifest=manifest,
        plan=plan,
        order=order,
        places=places,
        texts=files,
    )


def _texts(path: Path) -> dict[str, str]:
    """All files but the plan and what is derived from it for other readers."""
    own = (MANIFEST_FILE, PLAN_FILE, RANK_TABLE_FILE)
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in sorted(path.iterdir())
        if entry.is_file() and entry.name not in own
    }


def _not_emitted(path: Path, found: str) -> InputError:
    problem = Problem(
        source=str(path),
        expected="a folder placer emit wrote",
        found=found,
        remedy="Run placer emit PLAN -o DIR first.",
    )
    return InputError((problem,))
