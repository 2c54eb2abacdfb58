"""Hand-made tables of measured runs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from placer.spec.source_text import SourceText
from placer.validate.table import parse_rows

if TYPE_CHECKING:
    from placer.validate.cells import Row

DENSE = {
    "id": "dense",
    "gpus": "16",
    "accelerator": "h100_sxm",
    "gpus_per_scale_up_domain": "8",
    "nic_gbps_per_gpu": "400",
    "n_layers": "32",
    "hidden": "4096",
    "ffn_hidden": "14336",
    "heads": "32",
    "kv_heads": "8",
    "head_dim": "128",
    "vocab": "128256",
    "seq_len": "8192",
    "gated_mlp": "True",
    "global_batch": "128",
    "micro_batch": "1",
    "tp": "2",
    "cp": "1",
    "pp": "2",
    "vpp": "",
    "dp": "4",
    "precision": "BF16",
    "zero_stage": "1",
    "sequence_parallel": "True",
    "recompute": "none",
    "framework": "NeMo 25.02",
    "family": "ours",
    "step_time_s": "10.0",
    "step_time_derived_s": "",
    "peak_mem_gib": "",
    "complete": "1",
}
"""Llama 3 8B on two H100 hosts."""

EXPERTS = DENSE | {
    "id": "experts",
    "n_layers": "8",
    "ffn_hidden": "",
    "tp": "1",
    "pp": "1",
    "dp": "16",
    "experts": "64",
    "experts_topk": "4",
    "moe_ffn_hidden": "1024",
    "shared_experts": "2",
    "num_dense_layers": "0",
    "ep": "8",
    "etp": "1",
}
"""A small mixture of experts on the same hosts."""


def table_text(*rows: dict[str, str]) -> str:
    """A CSV whose header is every column any row has, in order of appearance."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def rows_of(*rows: dict[str, str]) -> tuple[Row, ...]:
    """The rows as ``read_rows`` gives them."""
    text = table_text(*rows)
    return parse_rows(SourceText(name="runs.csv", sha256="", text=text))


def row(**cells: str) -> Row:
    """The dense row with some cells changed."""
    return rows_of(DENSE | cells)[0]
