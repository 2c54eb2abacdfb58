"""Megatron-LM's options for parallelism and recomputation as degrees."""

from __future__ import annotations

import re
from typing import Final

from placer.importers.jobs.job import JobDegrees
from placer.importers.jobs.options import OptionReader
from placer.plan.strategy import RecomputeGranularity

MAX_LAYERS: Final = 10_000
ZERO_STAGES: Final = {"no_shard": 0, "optim": 1, "optim_grads": 2, "optim_grads_params": 3}
RECOMPUTE_MODULES: Final = (
    "core_attn",
    "layernorm",
    "mla_up_proj",
    "mlp",
    "moe",
    "moe_act",
    "shared_experts",
)
_LAYOUT_PART: Final = re.compile(r"([EtmL])(?:\*(\d{1,5}))?")
_REPEATED: Final = re.compile(r"\(([^()]*)\)\*(\d{1,5})")


def read_degrees(reader: OptionReader, num_layers: int | None) -> tuple[JobDegrees, list[str]]:
    """The degrees, and sentences about what they leave out.

    Parameters
    ----------
    reader
        The options.
    num_layers
        Decoder layers, where known: options that count layers per stage need them.
    """
    notes: list[str] = []
    tp = reader.count("--tensor-model-parallel-size", 1) or 1
    pp = reader.count("--pipeline-model-parallel-size", 1) or 1
    sizes = _layout(reader, pp)
    vpp = len(sizes) // pp if sizes else _chunks(reader, pp, num_layers)
    if not sizes:
        sizes = _uneven(reader, pp, vpp, num_layers, notes)
    granularity = _granularity(reader)
    return JobDegrees(
        tp=tp,
        cp=reader.count("--context-parallel-size", 1) or 1,
        ep=reader.count("--expert-model-parallel-size", 1) or 1,
        etp=reader.count("--expert-tensor-parallel-size"),
        pp=pp,
        vpp=vpp,
        dp_replicate=reader.count("--num-distributed-optimizer-instances", 1) or 1,
        micro_batch_size=reader.count("--micro-batch-size", 1) or 1,
        zero_stage=_zero_stage(reader),
        sequence_parallel=reader.has("--sequence-parallel") and tp > 1,
        recompute=granularity,
        recompute_modules=_modules(reader, granularity),
        layers_per_chunk=sizes,
    ), [*notes, *_recompute_notes(reader, granularity)]


def _zero_stage(reader: OptionReader) -> int:
    """What is sharded over replicas: nothing, the optimizer, or more with either FSDP."""
    sharded = 1 if reader.has("--use-distributed-optimizer") else 0
    if reader.has("--use-torch-fsdp2"):
        return 3
    if reader.has("--use-megatron-fsdp") or reader.has("--use-custom-fsdp"):
        choices = tuple(ZERO_STAGES)
        return ZERO_STAGES[reader.word("--data-parallel-sharding-strategy", choices, "no_shard")]
    return sharded


def _granularity(reader: OptionReader) -> RecomputeGranularity:
    if reader.has("--recompute-activations"):
        return RecomputeGranularity.SELECTIVE
    choices = (RecomputeGranularity.SELECTIVE.value, RecomputeGranularity.FULL.value)
    none = RecomputeGranularity.NONE.value
    return RecomputeGranularity(reader.word("--recompute-granularity", choices, none))


def _modules(reader: OptionReader, granularity: RecomputeGranularity) -> tuple[str, ...]:
    fields = reader.words("--recompute-modules")
    if granularity is not RecomputeGranularity.SELECTIVE:
        return ()
    for field in fields:
        if field.text not in RECOMPUTE_MODULES:
            known = ", ".join(RECOMPUTE_MODULES)
            reader.problems.add(field.line, "--recompute-modules", f"of {known}", repr(field.text))
    return tuple(dict.fromkeys(field.text for field in fields))


def _recompute_notes(reader: OptionReader, granularity: RecomputeGranularity) -> list[str]:
    """What full recomputation in part comes to here."""
    method = reader.text("--recompute-method")
    layers = reader.count("--recompute-num-layers")
    if granularity is not RecomputeGranularity.FULL or layers in {None, 1}:
        return []
    if method == "block":
        return [f"recompute: {layers} layers per stage are asked for, all are costed"]
    return [f"recompute: blocks of {layers} layers are asked for, blocks of 1 are costed"]


def _chunks(reader: OptionReader, pp: int, num_layers: int | None) -> int:
    """Chunks per stage; by layers per chunk where that is what the option counts."""
    stated = reader.count("--num-virtual-stages-per-pipeline-rank")
    name = "--num-layers-per-virtual-pipeline-stage"
    per_chunk = reader.count(name)
    if stated is not None or per_chunk is None:
        return stated or 1
    if num_layers is None:
        reader.problems.add(reader.line(name), name, "--num-layers beside it", "none")
        return 1
    if num_layers % (pp * per_chunk):
        expected = f"a divisor of the {num_layers} layers over {pp} stages"
        reader.problems.add(reader.line(name), name, expected, f"{per_chunk}")
        return 1
    return num_layers // (pp * per_chunk)


def _layout(reader: OptionReader, pp: int) -> tuple[int, ...]:
    """Layers per chunk of ``--pipeline-model-parallel-layout Et*3|(tt|)*29m|L``."""
    name = "--pipeline-model-parallel-layout"
    text = reader.text(name)
    if text is None:
        return ()
    sizes = parse_layout(text)
    if not sizes or len(sizes) % pp:
        expected = f"stages of E, t, m and L with | between them, a multiple of pp {pp}"
        found = f"{len(sizes)} stages" if sizes else repr(text)
        reader.problems.add(reader.line(name), name, expected, found)
        return ()
    return sizes


def parse_layout(text: str) -> tuple[int, ...]:
    """Decoder layers per stage of a layout; () when it is none.

    ``E`` embedding, ``t`` decoder layer, ``m`` MTP layer, ``L`` loss; ``|`` ends a stage, ``x*n``
    and ``(...)*n`` repeat.
    """
    plain = re.sub(r"[\s,]", "", text)
    repeats = sum(int(match[2]) * len(match[1]) for match in _REPEATED.finditer(plain))
    if len(plain) > MAX_LAYERS or repeats > 10 * MAX_LAYERS:
        return ()
    plain = _REPEATED.sub(lambda match: match[1] * int(match[2]), plain)
    sizes = []
    for stage in plain.removesuffix("|").split("|"):
        if _LAYOUT_PART.sub("", stage):
            return ()
        counts = [int(n or 1) for kind, n in _LAYOUT_PART.findall(stage) if kind == "t"]
        sizes.append(sum(counts))
    return tuple(sizes) if max(sizes) <= MAX_LAYERS else ()


def _uneven(
    reader: OptionReader, pp: int, vpp: int, num_layers: int | None, notes: list[str]
) -> tuple[int, ...]:
    """Layers per chunk where the first or last stage has its own number; () for even ones."""
    first = reader.count("--decoder-first-pipeline-num-layers")
    last = reader.count("--decoder-last-pipeline-num-layers")
    embedding = reader.has("--account-for-embedding-in-pipeline-split")
    loss = reader.has("--account-for-loss-in-pipeline-split")
    if num_layers is None or pp == 1 or not (first or last or embedding or loss):
        return ()
    if first is None and last is None:
        per_chunk = (num_layers + embedding + loss) // (pp * vpp)
        sizes = [per_chunk] * (pp * vpp)
        sizes[0] -= embedding
        sizes[-1] -= loss
        return tuple(sizes)
    middle_stages = pp - (first is not None) - (last is not None)
    middle = num_layers - (first or 0) - (last or 0)
    if middle < 0 or (middle_stages and middle % middle_stages) or (not middle_stages and middle):
        name = "--decoder-first-pipeline-num-layers"
        expected = f"what leaves the middle {middle_stages} stages equal shares of {num_layers}"
        reader.problems.add(reader.line(name), name, expected, f"{middle} layers for them")
        return ()
    inner = [middle // middle_stages] * middle_stages if middle_stages else []
    stages = [*([first] if first else []), *inner, *([last] if last else [])]
    if any(size % vpp for size in stages):
        notes.append(f"layers per stage {stages} are no multiple of vpp {vpp}; an even split taken")
        return ()
    return tuple(size // vpp for _ in range(vpp) for size in stages)
