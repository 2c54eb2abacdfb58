"""A Hugging Face config.json, as it is on disk, to a model: never a guess.

Every field is either mapped (``families``), known to leave the cost alone (``harmless``), or an
error that names it. Files of both generations are read: transformers 5 renamed fields of
transformers 4 and both names are in the table. A multimodal file's ``text_config`` is the model.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from placer.errors import InputError
from placer.importers.huggingface.class_defaults import class_defaults, defaults_version
from placer.importers.huggingface.experts import read_experts
from placer.importers.huggingface.families import FAMILIES, TEXT_TYPES
from placer.importers.huggingface.family import Family, Switch
from placer.importers.huggingface.harmless import MULTIMODAL
from placer.importers.huggingface.reader import PLACEHOLDER, ConfigReader, Names
from placer.importers.huggingface.unsupported import UNSUPPORTED, evidence
from placer.importers.huggingface.windows import read_windows
from placer.spec.field_problems import field_problems
from placer.spec.model import MAX_LAYERS, AttentionKind, ModelSpec
from placer.spec.nodes import Node
from placer.spec.suggest import did_you_mean
from placer.spec.yaml_source import SourceMapping

TEXT_CONFIG = "text_config"


def read_config(source: SourceMapping, name: str) -> ModelSpec:
    """Read a parsed config.json.

    Parameters
    ----------
    source
        The parsed file, its own problems not yet raised.
    name
        What to call the model; the file does not say.

    Raises
    ------
    InputError
        With every field that is missing, wrong, or not understood, at its line.
    """
    outer, reader = _open(source)
    model_type = _model_type(outer, reader)
    family = FAMILIES[model_type]
    reader.defaults = class_defaults(model_type)
    draft = _draft(family, reader)
    draft["tied_embeddings"] = _tied(outer, reader)
    for field, allowed in family.expects.items():
        reader.expect(field, allowed)
    reader.refuse_unread(family.harmless)
    if outer is not reader:
        outer.refuse_unread(f"{MULTIMODAL} {TEXT_CONFIG}")
        reader.problems.extend(outer.problems)
    reader.problems.extend(source.problems)
    reader.raise_problems()
    draft |= {"name": name, "source": _provenance(model_type, reader)}
    return _validated(draft, family, reader)


def _open(source: SourceMapping) -> tuple[ConfigReader, ConfigReader]:
    """Readers of the file's root and of the text model inside it; the same when it is flat."""
    outer = ConfigReader(source=source, path=(), values=source.data, defaults={})
    nested = source.data.get(TEXT_CONFIG)
    if not isinstance(nested, Mapping):
        return outer, outer
    reader = ConfigReader(source=source, path=(TEXT_CONFIG,), values=nested, defaults={})
    return outer, reader


def _model_type(outer: ConfigReader, reader: ConfigReader) -> str:
    """The family's name, refused at once when placer has no entry for it."""
    outer_type, model_type = outer.text("model_type"), reader.text("model_type")
    if outer is not reader and model_type is None:
        model_type = TEXT_TYPES.get(outer_type or "")
    outer.raise_problems()
    reader.raise_problems()
    if model_type is not None and model_type in FAMILIES:
        return model_type
    if model_type is None:
        remedy = "A Hugging Face config.json has it; a model in placer's own form is YAML."
        reader.report("model_type", "the model's family", "nothing", remedy)
    elif model_type in UNSUPPORTED:
        _refuse_unsupported(model_type, reader)
    else:
        remedy = did_you_mean(model_type, FAMILIES)
        reader.report("model_type", "a family placer reads", repr(model_type), remedy)
    raise InputError(reader.problems)


def _refuse_unsupported(model_type: str, reader: ConfigReader) -> None:
    """Name the fields that show what placer cannot cost, or the family when none does."""
    remedy = f"{model_type} has {UNSUPPORTED[model_type]}, which placer does not cost."
    fields = evidence(list(reader.values)) or ["model_type"]
    for field in fields:
        found = f"{field} = {str(reader.values[field])[:40]}"
        reader.report(field, "a decoder of full or windowed attention layers", found, remedy)


def _draft(family: Family, reader: ConfigReader) -> dict[str, object]:
    """The fields of ``ModelSpec`` that the file determines."""
    names = family.names
    num_layers = reader.count(names.num_layers, maximum=MAX_LAYERS)
    hidden_size = reader.count(names.hidden_size)
    moe = None if family.moe is None else read_experts(family.moe, reader, num_layers)
    ffn_hidden_size = _ffn_hidden_size(family, reader, hidden_size)
    return {
        "num_layers": num_layers,
        "hidden_size": hidden_size,
        "vocab_size": reader.count(names.vocab_size),
        "max_seq_len": _max_seq_len(family, reader),
        "learned_positions": family.learned_positions,
        "norms": family.norms,
        "norms_per_layer": family.norms_per_layer(reader),
        "parallel_block": _is_on(family.parallel_block, reader),
        "attention": _attention(family, reader, hidden_size, num_layers),
        "mlp": {
            "ffn_hidden_size": 0 if _is_all_moe(moe) else ffn_hidden_size,
            "gated": family.gated,
            "bias": _is_on(family.mlp_bias, reader),
        },
        "moe": moe,
        "mtp_layers": _mtp_layers(family, reader),
    }


def _is_on(switch: Switch, reader: ConfigReader) -> bool:
    return switch if isinstance(switch, bool) else reader.flag(switch)


def _max_seq_len(family: Family, reader: ConfigReader) -> int:
    if family.default_seq_len:
        return reader.count_or(family.names.max_seq_len, family.default_seq_len)
    return reader.count(family.names.max_seq_len)


def _ffn_hidden_size(family: Family, reader: ConfigReader, hidden_size: int) -> int:
    """Width of dense layers, which files state even where no layer is dense."""
    names = family.names.ffn_hidden_size
    if family.ffn_multiple:
        return reader.dimension(names, family.ffn_multiple * hidden_size)
    return reader.count(names)


def _is_all_moe(moe: dict[str, object] | None) -> bool:
    return moe is not None and (moe["first_dense_layers"], moe["layer_period"]) == (0, 1)


def _mtp_layers(family: Family, reader: ConfigReader) -> int:
    """Modules the file states; a class's default is no statement of the model's owner."""
    if family.mtp is None or not reader.has((family.mtp,)):
        return 0
    return reader.optional_count((family.mtp,)) or 0


def _attention(
    family: Family, reader: ConfigReader, hidden_size: int, num_layers: int
) -> dict[str, object]:
    num_heads = reader.count(family.names.num_heads)
    windows = read_windows(family.windows, reader, num_layers)
    shape = {
        "kind": family.attention,
        "num_heads": num_heads,
        "qkv_bias": _is_on(family.qkv_bias, reader),
        "out_bias": _is_on(family.out_bias, reader),
        "qk_norm": _is_on(family.qk_norm, reader),
        "sliding_window": windows.sliding_window,
        "chunked": windows.chunked,
        "full_attention_period": windows.full_attention_period,
    }
    if family.attention is AttentionKind.MLA:
        return shape | _latents(family, reader)
    head_dim, rest = divmod(hidden_size, num_heads)
    if rest and hidden_size != PLACEHOLDER and not reader.has(family.names.head_dim):
        expected = f"a divisor of the hidden size {hidden_size} where head_dim is not given"
        reader.report(family.names.num_heads[0], expected, f"{num_heads}", "")
    return shape | {
        "num_kv_heads": family.kv_heads(reader, family.names, num_heads),
        "head_dim": reader.dimension(family.names.head_dim, head_dim),
    }


def _latents(family: Family, reader: ConfigReader) -> dict[str, object]:
    """Widths of multi-head latent attention; head_dim and kv heads in the file say nothing of it.

    transformers 5 writes the rotary width as ``head_dim``; ``num_key_value_heads`` is the number
    of heads.
    """
    reader.skip((*family.names.head_dim, *family.names.num_kv_heads, "qk_head_dim"))
    return {
        "q_lora_rank": reader.optional_count(("q_lora_rank",), minimum=1),
        "kv_lora_rank": reader.count(("kv_lora_rank",)),
        "qk_nope_head_dim": reader.count(("qk_nope_head_dim",)),
        "qk_rope_head_dim": reader.count(("qk_rope_head_dim",)),
        "v_head_dim": reader.count(("v_head_dim",)),
    }


def _tied(outer: ConfigReader, reader: ConfigReader) -> bool:
    """Whether the head is the embedding; the text model's own word counts before the file's."""
    field = "tie_word_embeddings"
    has_own = reader.has((field,)) or not outer.has((field,))
    inherited = outer.flag(field)
    return reader.flag(field) if has_own else inherited


def _provenance(model_type: str, reader: ConfigReader) -> str:
    parts = [f"Hugging Face config.json, model type {model_type}"]
    if reader.path:
        parts.append(f"its {'.'.join(reader.path)} only, other towers left out")
    assumed = [f"{name} {value}" for name, value in sorted(reader.assumed.items()) if value]
    if assumed:
        parts.append(f"not in the file, from {defaults_version()}: {', '.join(assumed)}")
    return "; ".join(parts)


def _validated(draft: dict[str, object], family: Family, reader: ConfigReader) -> ModelSpec:
    """Check the whole, and say what is wrong with it in the file's own names."""
    try:
        return ModelSpec.model_validate(draft)
    except ValidationError as error:
        origins = _origins(family)
        for problem in field_problems(error, ModelSpec, Node(1, 1, draft)):
            path = ".".join(str(part) for part in problem.path)
            names = origins.get(path) or ("model_type",)
            name = next((name for name in names if reader.has((name,))), names[0])
            reader.report(name, problem.expected, problem.found, problem.remedy)
        raise InputError(reader.problems) from None


def _origins(family: Family) -> dict[str, Names]:
    """Field of ``ModelSpec`` to the fields of the file it is read from."""
    names, rule = family.names, family.moe
    origins = {
        "num_layers": names.num_layers,
        "hidden_size": names.hidden_size,
        "vocab_size": names.vocab_size,
        "max_seq_len": names.max_seq_len,
        "attention.num_heads": names.num_heads,
        "attention.num_kv_heads": names.num_kv_heads,
        "attention.head_dim": names.head_dim,
        "mlp.ffn_hidden_size": names.ffn_hidden_size,
    }
    if family.mtp is not None:
        origins["mtp_layers"] = (family.mtp,)
    if rule is None:
        return origins
    num_groups, topk_groups = rule.groups or ("n_group", "topk_group")
    return origins | {
        "moe.num_experts": rule.num_experts,
        "moe.top_k": rule.top_k,
        "moe.ffn_hidden_size": rule.ffn_hidden_size,
        "moe.shared_ffn_hidden_size": (*rule.shared_width, *rule.shared_count),
        "moe.num_groups": (num_groups,),
        "moe.topk_groups": (topk_groups,),
    }
