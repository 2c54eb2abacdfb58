"""A configuration somebody already has: degrees as typed, what is left out filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from placer.api.question import RunOptions
from placer.errors import InfeasibleError, InputError, Problem
from placer.plan.layout import even_layout, layout_of
from placer.plan.legality import violations
from placer.plan.site_shares import shared_out, usual_arrangement
from placer.plan.strategy import (
    CrossSiteMode,
    Recompute,
    RecomputeGranularity,
    Schedule,
    Strategy,
)
from placer.spec.model import ModelSpec
from placer.topology.sites import has_sites

if TYPE_CHECKING:
    from placer.api.question import Question
    from placer.plan.placement import PipelineLayout

Degree = Annotated[int, Field(strict=True, ge=1, le=1 << 24)]


USUAL_INNER_STEPS: Final = 30
"""H of the published loss changes (arXiv 2503.09799, tables 4 and 5)."""


class Configuration(BaseModel):
    """Parallel degrees and batch, as a launch script states them.

    What is None follows: ``dp`` from GPUs and batch, ``etp`` as Megatron-LM has it (tp), ``dp_shard`` is
    dp, ``zero_stage`` 1, interleaved when ``vpp`` > 1, layers as even as they go.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tp: Degree = 1
    cp: Degree = 1
    ep: Degree = 1
    etp: Degree | None = None
    pp: Degree = 1
    vpp: Degree = 1
    dp: Degree | None = None
    micro_batch_size: Degree = 1
    zero_stage: Annotated[int, Field(strict=True, ge=0, le=3)] | None = None
    dp_shard: Degree | None = None
    sequence_parallel: Annotated[bool, Field(strict=True)] | None = None
    schedule: Schedule | None = None
    recompute: RecomputeGranularity = RecomputeGranularity.NONE
    recompute_modules: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    cross_site: CrossSiteMode | None = None
    """What crosses between sites; on several sites none where one of them has room, else sync_dp."""
    inner_steps: Degree | None = None
    """DiLoCo's H; 30 when not given."""
    outer_bits: Literal[4, 8, 16, 32] | None = None
    layers_per_chunk: Annotated[tuple[int, ...], Field(max_length=1 << 16)] = ()
    """Decoder layers of each pipeline chunk in model order; pp * vpp of them."""


class ConfigurationFile(Configuration):
    """A configuration on disk: beside the degrees the run, and the model where it has its own."""

    run: RunOptions = RunOptions()
    model: ModelSpec | str | None = None
    """A model of the catalogue, a file, or all of its fields; the command line's counts before."""


def strategy_of(
    configuration: Configuration, question: Question, num_gpus: int
) -> tuple[Strategy, tuple[str, ...]]:
    """The strategy, and one sentence for each degree placer filled in.

    Raises
    ------
    InputError
        When the degrees do not go together, or the framework cannot run them.
    """
    assumptions: list[str] = []
    block = configuration.tp * configuration.cp * configuration.pp
    dp = configuration.dp
    if dp is None:
        sequences = question.run.global_batch_size // configuration.micro_batch_size
        dp = _most_replicas(num_gpus // block, sequences)
        assumptions.append(f"dp: {dp} taken, {dp * block:,} of {num_gpus:,} GPUs")
    etp = configuration.etp
    if etp is None:
        etp = configuration.tp if question.model.moe is not None else 1
        if etp > 1:
            assumptions.append(f"etp: {etp} taken, as tp")
    dp_shard = configuration.dp_shard or dp
    sharded = dp * configuration.cp > 1
    zero = configuration.zero_stage
    strategy = Strategy(
        tp=configuration.tp,
        cp=configuration.cp,
        ep=configuration.ep,
        etp=etp,
        pp=configuration.pp,
        vpp=configuration.vpp,
        dp=dp,
        micro_batch_size=configuration.micro_batch_size,
        num_microbatches=_num_microbatches(configuration, question, dp),
        zero_stage=int(sharded) if zero is None else zero,
        dp_shard=dp_shard,
        dp_replicate=max(1, dp // dp_shard),
        sequence_parallel=_or(configuration.sequence_parallel, configuration.tp > 1),
        schedule=configuration.schedule or _usual_schedule(configuration),
        recompute=_recompute(configuration),
    )
    if has_sites(question.topology):
        strategy, sentence = _over_sites(strategy, configuration, question)
        assumptions += sentence
    elif configuration.cross_site not in (None, CrossSiteMode.NONE):
        raise InputError((_no_sites(configuration),))
    _refuse_illegal(strategy, question)
    return strategy, tuple(assumptions)


def _over_sites(
    strategy: Strategy, configuration: Configuration, question: Question
) -> tuple[Strategy, list[str]]:
    """The strategy with what each site holds, and what placer chose."""

    def arranged(mode: CrossSiteMode) -> Strategy:
        usual = usual_arrangement(
            mode,
            inner_steps=configuration.inner_steps or USUAL_INNER_STEPS,
            outer_bits=configuration.outer_bits,
            num_layers=question.model.num_layers,
        )
        return shared_out(strategy, usual, question.topology)

    if configuration.cross_site is not None:
        return arranged(configuration.cross_site), []
    try:
        return arranged(CrossSiteMode.NONE), ["cross-site: none taken, one site has room"]
    except InfeasibleError:
        return arranged(CrossSiteMode.SYNC_DP), ["cross-site: sync_dp taken, no site has room"]


def _no_sites(configuration: Configuration) -> Problem:
    return Problem(
        source="configuration",
        field="cross_site",
        expected="a cluster with sites",
        found=f"{configuration.cross_site} on a cluster of one",
        remedy="Leave it out, or list sites and links in the cluster file.",
    )


def _most_replicas(most: int, micro_batches: int) -> int:
    """The most replicas that split the batch evenly; at least one."""
    return next((dp for dp in range(most, 1, -1) if micro_batches % dp == 0), 1)


def _or(value: bool | None, otherwise: bool) -> bool:
    return otherwise if value is None else value


def _usual_schedule(configuration: Configuration) -> Schedule:
    return Schedule.INTERLEAVED if configuration.vpp > 1 else Schedule.ONE_F_ONE_B


def _recompute(configuration: Configuration) -> Recompute:
    """Selective drops the core of attention, full every layer, as Megatron-LM's defaults do."""
    granularity = configuration.recompute
    if granularity is RecomputeGranularity.FULL:
        return Recompute(granularity=granularity, method="uniform", num_layers=1)
    if granularity is RecomputeGranularity.SELECTIVE:
        modules = configuration.recompute_modules or ("core_attn",)
        return Recompute(granularity=granularity, modules=modules)
    return Recompute()


def _num_microbatches(configuration: Configuration, question: Question, dp: int) -> int:
    """Micro-batches each replica runs per step.

    Raises
    ------
    InputError
        When replicas and micro-batch size do not divide the batch.
    """
    batch, together = question.run.global_batch_size, dp * configuration.micro_batch_size
    if batch % together == 0:
        return batch // together
    near = max(together, round(batch / together) * together)
    problem = Problem(
        source="configuration",
        field="global_batch_size",
        expected="a multiple of dp * micro_batch_size",
        found=f"{batch} % ({dp} * {configuration.micro_batch_size}) = {batch % together}",
        remedy=f"Use --global-batch-size {near}, or another dp or micro-batch size.",
    )
    raise InputError((problem,))


def _refuse_illegal(strategy: Strategy, question: Question) -> None:
    broken = violations(question.rules, question.model, question.run, strategy)
    if broken:
        raise InputError(
            Problem(
                source="configuration",
                field=violation.rule,
                expected=_as_clause(violation.sentence),
                found=violation.arithmetic,
                remedy=violation.remedy,
            )
            for violation in broken
        )


def _as_clause(sentence: str) -> str:
    """A rule's sentence as the middle of another: no capital where it is only the first word's."""
    first, _, rest = sentence.rstrip(".").partition(" ")
    plain = first[1:].islower() or len(first) == 1
    return f"{first.lower() if plain else first} {rest}".strip()


def layout_for(configuration: Configuration, question: Question) -> PipelineLayout:
    """The pipeline split the user states, or the framework's even one.

    Raises
    ------
    InputError
        When the chunks do not hold the model's layers.
    """
    sizes, model = configuration.layers_per_chunk, question.model
    chunks = configuration.pp * configuration.vpp
    if not sizes:
        try:
            return even_layout(model, configuration.pp, configuration.vpp)
        except ValueError as error:
            raise InputError((_layout_problem("fewer chunks", str(error)),)) from error
    if len(sizes) != chunks or sum(sizes) != model.num_layers or min(sizes) < 0:
        expected = f"{chunks} counts (pp * vpp) that sum to {model.num_layers} layers"
        raise InputError((_layout_problem(expected, f"{len(sizes)} that sum to {sum(sizes)}"),))
    return layout_of(model, sizes, configuration.pp)


def _layout_problem(expected: str, found: str) -> Problem:
    return Problem(
        source="configuration",
        field="layers_per_chunk",
        expected=expected,
        found=found,
        remedy="Lower pp or vpp, or state the layers of every chunk.",
    )
