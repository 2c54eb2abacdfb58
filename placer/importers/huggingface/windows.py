"""Which layers see the whole sequence, and how far the others see."""

from __future__ import annotations

from dataclasses import dataclass

from placer.importers.huggingface.reader import ConfigReader, Names

FULL = "full_attention"
WINDOWED = {"sliding_attention": False, "chunked_attention": True}
"""Values of ``layer_types`` with a window, and whether it is a chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """Where a family writes its windows.

    ``width`` names the fields with the window's width; none: the family has no windows.
    ``switch`` is a field that must be true for the window to count; ``full_before`` one with the
    number of leading full layers. ``period`` names the fields with N, every N-th layer being full;
    ``default_period`` holds where the file has none (0: no layer is full). ``no_rope`` is a list
    with 0 at full layers (Llama 4), ``no_rope_period`` its N when the list is empty.
    """

    width: Names = ()
    switch: str | None = None
    full_before: str | None = None
    period: Names = ()
    default_period: int = 0
    chunked: bool = False
    no_rope: str | None = None
    no_rope_period: str | None = None


NO_WINDOWS = WindowRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """What ``placer.spec.model.Attention`` says of windows."""

    sliding_window: int | None = None
    chunked: bool = False
    full_attention_period: int = 1


def read_windows(rule: WindowRule, reader: ConfigReader, num_layers: int) -> Windows:
    """Read windows by the family's rule; ``layer_types`` in the file overrules the pattern."""
    pattern_fields = (rule.full_before, *rule.period, rule.no_rope, rule.no_rope_period)
    reader.skip(tuple(name for name in pattern_fields if name is not None))
    width = _width(rule, reader)
    is_full, field = _listed_pattern(reader, num_layers)
    if is_full is None:
        is_full, field = _ruled_pattern(rule, reader, num_layers, has_window=width is not None)
    if all(is_full):
        return Windows()
    if width is None:
        name = rule.width[0] if rule.width else field
        reader.report(name, f"the window's width, because {field} has windows", "nothing", "")
        return Windows()
    return Windows(
        sliding_window=width,
        chunked=rule.chunked,
        full_attention_period=_period(is_full, reader, field),
    )


def _width(rule: WindowRule, reader: ConfigReader) -> int | None:
    if not rule.width:
        return None
    if rule.switch is not None and not reader.flag(rule.switch):
        reader.skip(rule.width)
        return None
    return reader.optional_count(rule.width) or None


def _listed_pattern(reader: ConfigReader, num_layers: int) -> tuple[tuple[bool, ...] | None, str]:
    """Read ``layer_types``; a word that is neither full nor windowed attention is refused."""
    types = reader.words("layer_types", length=num_layers)
    if types is None:
        return None, "layer_types"
    unknown = sorted(set(types) - {FULL, *WINDOWED})
    if unknown:
        known = ", ".join([FULL, *WINDOWED])
        remedy = "placer costs transformers only, no linear attention or state-space layers."
        reader.report("layer_types", f"only {known}", ", ".join(unknown), remedy)
        return tuple(True for _ in types), "layer_types"
    return tuple(word == FULL for word in types), "layer_types"


def _ruled_pattern(
    rule: WindowRule, reader: ConfigReader, num_layers: int, *, has_window: bool
) -> tuple[tuple[bool, ...], str]:
    """Full layers by the family's rule, and the field that says so."""
    indices = range(num_layers)
    if rule.no_rope is not None:
        return _rope_pattern(rule, reader, num_layers)
    if rule.full_before is not None:
        first = (reader.optional_count((rule.full_before,)) if has_window else None) or 0
        return tuple(not has_window or index < first for index in indices), rule.full_before
    period = (
        reader.count_or(rule.period, rule.default_period) if rule.period else rule.default_period
    )
    field = (rule.period or rule.width or ("layer_types",))[0]
    is_full = (period > 0 and (index + 1) % period == 0 for index in indices)
    return tuple(not has_window or full for full in is_full), field


def _rope_pattern(
    rule: WindowRule, reader: ConfigReader, num_layers: int
) -> tuple[tuple[bool, ...], str]:
    """Llama 4: layers without rotary positions see everything, the others a chunk."""
    assert rule.no_rope is not None
    assert rule.no_rope_period is not None
    listed = reader.integers(rule.no_rope)
    period = reader.count_or((rule.no_rope_period,), rule.default_period)
    if listed and len(listed) != num_layers:
        found = f"{len(listed)} entries"
        reader.report(rule.no_rope, f"{num_layers} entries, one per layer", found, "")
    elif listed:
        return tuple(uses_rope == 0 for uses_rope in listed), rule.no_rope
    return tuple((index + 1) % period == 0 for index in range(num_layers)), rule.no_rope


def _period(is_full: tuple[bool, ...], reader: ConfigReader, field: str) -> int:
    """The N of "every N-th layer is full" that gives exactly this pattern; 0 for none."""
    if not any(is_full):
        return 0
    period = is_full.index(True) + 1
    pattern = tuple((index + 1) % period == 0 for index in range(len(is_full)))
    if period == 1 or pattern != is_full:
        full = ", ".join(str(index) for index, full in enumerate(is_full) if full)
        found = f"full attention on layers {full[:60]}{'...' if len(full) > 60 else ''}"
        reader.report(field, "full attention on every N-th layer", found, "")
    return max(period, 2)
