"""What Slurm's two kinds of topology file say, in one form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from placer.importers.clusters.switches import Switch


class SlurmKind(StrEnum):
    """Slurm's topology plugins."""

    TREE = "tree"
    BLOCK = "block"
    FLAT = "flat"
    RING = "ring"
    TORUS = "torus3d"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmBlock:
    """A block of hosts."""

    name: str
    hosts: tuple[str, ...]
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmTopology:
    """One topology; the name is empty in files that hold only one."""

    name: str
    kind: SlurmKind
    line: int | None
    default: bool = False
    switches: tuple[Switch, ...] = ()
    blocks: tuple[SlurmBlock, ...] = ()
    block_sizes: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """Kind and name, for people."""
        return f"{self.kind} {self.name}".rstrip()
