"""torchtitan's two dialects: the TOML file of 0.2 and the command line of 0.3.

0.3 removed TOML: ``--module`` and ``--config`` name a Python function that returns the
configuration, and options change it. A pipeline's modules are a list of lists, which no option can
say, so they come in a small module of their own that wraps the user's function.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from placer.emit.argument import Section, comment, comment_lines, flag, section_lines
from placer.emit.torchtitan.layout import modules_of_chunks
from placer.emit.torchtitan.rules import CLI_RELEASE, TOML_RELEASE
from placer.emit.torchtitan.settings import recompute_mode, settings

if TYPE_CHECKING:
    from placer.emit.site_jobs import SiteJob
    from placer.emit.torchtitan.settings import Setting
    from placer.plan.plan import Plan

LAYOUT_MODULE: Final = "placer_torchtitan"
_ORDER: Final = (
    "Where a rank runs decides who its neighbours are: torchtitan derives every group from the rank",
    "alone (mesh [pp, dp_replicate, dp_shard, cp, tp], the last fastest), so start the ranks on the",
    "hosts of rank_table.json, in that order.",
)


def headline(plan: Plan, release: str) -> list[str]:
    """What the file is, what it expects of the model."""
    model, strategy = plan.model, plan.strategy
    heads = model.attention.num_heads
    what = (
        f"{model.name} on {plan.cluster.name}: settings for torchtitan {release},"
        f" {strategy.num_gpus} GPUs, {plan.estimate.step_time_s:.3f} s per step."
    )
    shape = (
        f"The plan is of a model with {model.num_layers} layers, hidden size {model.hidden_size},"
        f" {heads} heads and a vocabulary of {model.vocab_size}."
    )
    return [what, "", shape, *_ORDER]


def toml_file(plan: Plan) -> str:
    """The whole TOML file of 0.2."""
    lines = [comment(line) for line in headline(plan, TOML_RELEASE)]
    lines += [
        comment("Give the model, its tokenizer and the data on the command line: --model.name,"),
        comment("--model.flavor, --model.hf_assets_path, --training.dataset."),
    ]
    by_section: dict[str, list[Setting]] = {}
    for setting in settings(plan, TOML_RELEASE):
        by_section.setdefault(setting.section, []).append(setting)
    for section, members in by_section.items():
        lines += ["", f"[{section}]"]
        for setting in members:
            lines += comment_lines(setting.reason)
            lines.append(f"{setting.key} = {_toml_value(setting.value)}")
        if section == "parallelism" and plan.strategy.pp > 1:
            lines += _toml_layout(plan)
    lines += ["", "[activation_checkpoint]", f'mode = "{recompute_mode(plan.strategy)}"']
    return "\n".join([*lines, ""])


def _toml_value(value: int | bool | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _toml_layout(plan: Plan) -> list[str]:
    pp = plan.strategy.pp
    about = comment(f"Chunk i is on stage i % {pp}; layers need not divide evenly.")
    chunks = [f"  [{_quoted(chunk)}]," for chunk in modules_of_chunks(plan, TOML_RELEASE)]
    return [about, "module_fqns_per_model_part = [", *chunks, "]"]


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def argument_file(plan: Plan, job: SiteJob | None = None) -> str:
    """The command line of 0.3 as a bash array to source; ``job`` where sites train apart."""
    lines = [comment(line) for line in headline(plan, CLI_RELEASE)]
    lines += [] if job is None else _site_lines(job)
    lines += [
        comment("TORCHTITAN_MODULE and TORCHTITAN_CONFIG name your model, as in llama3 and"),
        comment("llama3_8b; tokenizer, data and steps are yours to add."),
        ': "${TORCHTITAN_MODULE:?as for --module}" "${TORCHTITAN_CONFIG:?as for --config}"',
        "export TORCHTITAN_MODULE TORCHTITAN_CONFIG",
    ]
    if plan.strategy.pp > 1:
        lines.append('export PYTHONPATH="$HERE${PYTHONPATH:+:$PYTHONPATH}"')
    lines.append("TORCHTITAN_ARGS=(")
    for section in _argument_sections(plan, job):
        lines += [*section_lines(section), ""]
    lines += [*_model_words(plan), ")"]
    mode = recompute_mode(plan.strategy)
    lines += [
        comment("Goes behind every option: it starts a command of its own."),
        f"TORCHTITAN_RECOMPUTE=(activation-checkpoint:{mode})",
    ]
    return "\n".join([*lines, ""])


def _model_words(plan: Plan) -> list[str]:
    """Who makes the configuration: the user's function, or ours that adds the pipeline's modules."""
    if plan.strategy.pp > 1:
        return [f"  --module {LAYOUT_MODULE} --config planned"]
    return ['  --module "$TORCHTITAN_MODULE" --config "$TORCHTITAN_CONFIG"']


def _site_lines(job: SiteJob) -> list[str]:
    """What a site's job needs beside its arguments: the lighthouse, a configuration with torchft."""
    about = (
        f"Site {job.site} is replica group {job.index} of {job.cross_site.replicas}: every site runs a"
        " job of its own, and torchft averages them. Start one lighthouse that all sites reach"
        f" (torchft_lighthouse --min_replicas {job.cross_site.replicas}) and give its address."
        " TORCHTITAN_CONFIG must return a FaultTolerantTrainer.Config, as those of torchft.llama3 do."
    )
    return [
        *(comment(line) for line in textwrap.wrap(about, 96)),
        ': "${TORCHFT_LIGHTHOUSE:?address of the lighthouse, as http://host:29510}"',
        "export TORCHFT_LIGHTHOUSE",
    ]


def _argument_sections(plan: Plan, job: SiteJob | None) -> list[Section]:
    by_section: dict[str, list[Setting]] = {}
    for setting in settings(plan, CLI_RELEASE, job):
        by_section.setdefault(setting.section, []).append(setting)
    return [
        Section(
            title=section.replace("_", " ").capitalize(),
            arguments=tuple(flag(*_words(s), reason=s.reason) for s in members),
        )
        for section, members in by_section.items()
    ]


def _words(setting: Setting) -> tuple[str, ...]:
    """An option with its value; a switch stands alone."""
    if isinstance(setting.value, bool):
        key = setting.key if setting.value else f"no_{setting.key}"
        return (f"--{setting.section}.{key}",)
    return f"--{setting.section}.{setting.key}", str(setting.value)


def layout_module(plan: Plan) -> str:
    """A configuration module that adds the pipeline's modules to the user's configuration."""
    chunks = [f"    [{_quoted(chunk)}]," for chunk in modules_of_chunks(plan, CLI_RELEASE)]
    title = f"Which modules each pipeline chunk holds; chunk i is on stage i % {plan.strategy.pp}."
    return "\n".join(
        [
            f'"""{title}"""',
            "",
            "import importlib",
            "import os",
            "",
            "MODULES_OF_CHUNKS = [",
            *chunks,
            "]",
            "",
            "",
            "def planned():",
            '    """The configuration TORCHTITAN_MODULE and TORCHTITAN_CONFIG name, so split."""',
            '    name = os.environ["TORCHTITAN_MODULE"]',
            '    path = name if "." in name else f"torchtitan.models.{name}.config_registry"',
            "    module = importlib.import_module(path)",
            '    config = getattr(module, os.environ["TORCHTITAN_CONFIG"])()',
            "    config.training.disable_cuda_graphs = True",
            "    config.parallelism.module_fqns_per_model_part = MODULES_OF_CHUNKS",
            "    return config",
            "",
        ]
    )
