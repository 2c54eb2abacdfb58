"""``rank_table.json``: every rank with its host, its accelerator and its coordinates."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from placer.plan.ranks import RankTable

RANKS_SCHEMA: Final = "placer.ranks/v1"


def rank_table_json(ranks: RankTable) -> str:
    """The table as JSON, one line per rank, in rank order."""
    columns = rank_columns(ranks)
    template = ", ".join(f'"{name}": %s' for name in columns)
    rows = [template % row for row in zip(*columns.values(), strict=True)]
    body = "},\n{".join(rows)
    return f'{{"schema": "{RANKS_SCHEMA}", "ranks": [\n{{{body}}}\n]}}\n'


def rank_columns(ranks: RankTable) -> dict[str, list[str] | list[int]]:
    """The columns in the contract's order; text is quoted as JSON already."""
    coordinates = ranks.coordinates
    return {
        "rank": list(range(len(ranks.gpu))),
        "host": _quoted(ranks.node_names, ranks.node_rank.tolist()),
        "node_rank": ranks.node_rank.tolist(),
        "local_rank": ranks.local_rank.tolist(),
        "gpu_index": ranks.gpu_index.tolist(),
        "rail": ranks.rail.tolist(),
        "site": _quoted(ranks.site_names, ranks.site.tolist()),
        "pod": _quoted(ranks.pod_names, ranks.pod.tolist()),
        "domain": _quoted(ranks.domain_names, ranks.domain.tolist()),
        **{f.name: getattr(coordinates, f.name).tolist() for f in fields(coordinates)},
    }


def _quoted(names: tuple[str, ...], indices: list[int]) -> list[str]:
    quoted = [json.dumps(name) for name in names]
    return [quoted[index] for index in indices]
