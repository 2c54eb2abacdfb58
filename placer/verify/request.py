"""Questions to a framework, asked in its own interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from placer.emit.maxtext.mesh import mesh_split
from placer.plan.ranks import expand_ranks
from placer.spec.model import AttentionKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.plan.plan import Plan
    from placer.verify.folder import EmittedFolder

NUM_SAMPLED: Final = 16
TIME_LIMIT_S: Final = 3600.0
DISTRIBUTIONS: Final = {
    "accelerate": ("accelerate",),
    "deepspeed": ("deepspeed",),
    "maxtext": ("maxtext",),
    "megatron": ("megatron-core",),
    "megatron-bridge": ("megatron-core", "megatron-bridge", "nemo-run"),
    "primus": ("megatron-core",),
    "torchtitan": ("torchtitan",),
}
"""The installed packages a framework is asked through; the first has the release that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a framework says to one folder.

    ``refused`` is its reason when its parser or checks say no; ``broken`` a defect of the check
    itself. ``groups`` holds all groups by axis, ``sampled`` the groups of single ranks, ``absent`` the
    axes the framework has no group of its own for.
    """

    refused: str | None
    broken: str | None
    groups: dict[str, list[list[int]]] = field(default_factory=dict)
    sampled: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def installed_release(framework: str, python: str) -> str:
    """The release of the framework that interpreter has; empty when something is missing."""
    names = DISTRIBUTIONS[framework]
    code = f"import importlib.metadata as m; print([m.version(n) for n in {names!r}][0])"
    done = subprocess.run(  # noqa: S603 (the user's own interpreter)
        [python, "-c", code], check=False, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def ask(framework: str, python: str, folders: Sequence[EmittedFolder]) -> tuple[Answer, ...]:
    """Ask a framework about folders, all in one process, for imports take longer than answers.

    Raises
    ------
    RuntimeError
        When the check script itself fails; carries the end of what it said.
    """
    questions = [_question(folder) for folder in folders]
    with (
        tempfile.TemporaryDirectory(prefix="placer-verify-") as scratch,
        resources.as_file(resources.files("placer.verify.scripts")) as scripts,
    ):
        asked, answered = Path(scratch) / "requests.json", Path(scratch) / "answers.json"
        asked.write_text(json.dumps(questions), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 (the user's own interpreter, our own script)
            [python, scripts / f"check_{framework.replace('-', '_')}.py", asked, answered],
            env=_environment(),
            cwd=scratch,
            check=False,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
        )
        if done.returncode or not answered.exists():
            raise RuntimeError(f"the check of {framework} failed: {done.stderr[-2000:]}")
        return tuple(Answer(**row) for row in json.loads(answered.read_text(encoding="utf-8")))


def _environment() -> dict[str, str]:
    """The user's environment without accelerators, and without what would steer a framework."""
    hidden = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "PYTHONSAFEPATH": ""}


def _question(folder: EmittedFolder) -> dict[str, object]:
    plan = folder.plan
    world = plan.strategy.num_gpus
    question: dict[str, object] = {
        "folder": str(folder.path.resolve()),
        "release": folder.manifest.release,
        "environment": folder.manifest.environment,
        "experts": plan.model.moe is not None,
        "vocabulary": plan.model.vocab_size,
        "strategy": asdict(plan.strategy),
        "world": world,
        "sample": sampled_ranks(world),
    }
    if folder.manifest.framework == "megatron-bridge":
        question["architecture"] = _architecture(plan)
    if folder.manifest.framework == "maxtext":
        split = mesh_split(plan, expand_ranks(plan))
        question["slices"] = (split.devices_per_slice, split.num_slices)
    return question


def _architecture(plan: Plan) -> dict[str, object]:
    """The model by the fields of Megatron-LM's configuration, as a recipe would have it."""
    model, attention = plan.model, plan.model.attention
    fields: dict[str, object] = {
        "num_layers": model.num_layers,
        "hidden_size": model.hidden_size,
        "num_attention_heads": attention.num_heads,
        "seq_length": plan.run.seq_len,
        "vocab_size": model.vocab_size,
        "mtp_num_layers": model.mtp_layers or None,
        "add_bias_linear": model.mlp.bias,
        "bf16": True,
    }
    if attention.kind is not AttentionKind.MLA:
        fields["num_query_groups"] = attention.num_kv_heads
    if model.moe is not None:
        fields |= {
            "num_moe_experts": model.moe.num_experts,
            "moe_router_topk": model.moe.top_k,
            "moe_ffn_hidden_size": model.moe.ffn_hidden_size,
        }
    return fields


def sampled_ranks(world: int) -> list[int]:
    """Both ends and an even spread between, at most 16."""
    if world <= NUM_SAMPLED:
        return list(range(world))
    return sorted({i * (world - 1) // (NUM_SAMPLED - 1) for i in range(NUM_SAMPLED)})


def default_python() -> str:
    """The interpreter that runs us."""
    return sys.executable
