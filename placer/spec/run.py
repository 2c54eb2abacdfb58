"""The run: batch, sequence, numeric format, framework, and the features it states it uses."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

FROZEN = ConfigDict(frozen=True, extra="forbid", validate_default=True)
MAX_BATCH = 1 << 30
MAX_SEQ_LEN = 1 << 30
FRAMEWORK: Final = re.compile(r"[a-z][a-z0-9_-]*(@[0-9][0-9A-Za-z.+-]*)?")

Count = Annotated[int, Field(strict=True, ge=1, le=MAX_BATCH)]
Flag = Annotated[bool, Field(strict=True)]


class Precision(StrEnum):
    """Format of the layers' matrix products; the rest of the recipe follows from it."""

    BF16 = "bf16"
    FP8 = "fp8"
    MXFP8 = "mxfp8"
    NVFP4 = "nvfp4"


class Optimizer(StrEnum):
    """Optimizer, by the states it keeps per parameter."""

    ADAM = "adam"
    ADAM_BF16 = "adam_bf16"
    ADAM_8BIT = "adam_8bit"
    MUON = "muon"
    ADAFACTOR = "adafactor"
    SGD = "sgd"


class AttentionKernel(StrEnum):
    """How the attention core is computed.

    ``unfused``: separate products and softmax (2021-2022); ``flash2``: FlashAttention-2 or Triton;
    ``tuned``: a kernel written for the part (cuDNN, FlashAttention-3).
    """

    UNFUSED = "unfused"
    FLASH2 = "flash2"
    TUNED = "tuned"


class CudaGraph(StrEnum):
    """How much of a step the host replays as captured graphs."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"


class MoeDispatcher(StrEnum):
    """How routed tokens reach their experts (Megatron-LM names)."""

    ALLTOALL = "alltoall"
    ALLGATHER = "allgather"
    DEEPEP = "deepep"
    HYBRIDEP = "hybridep"


class GradientRecipe(StrEnum):
    """In what format gradients are summed and sent.

    ``fp32``: accumulated and reduced in fp32 (Megatron-LM); ``narrow``: in the training format;
    ``accumulated``: fp32 accumulators beside gradients in the training format, reduced in fp32
    (DeepSpeed BF16_Optimizer ``get_grads_for_reduction``).
    """

    FP32 = "fp32"
    NARROW = "narrow"
    ACCUMULATED = "accumulated"


class Allocator(StrEnum):
    """How the framework's allocator lays blocks out.

    ``expandable``: growing segments (PyTorch 2.1 on); ``caching``: fixed segments that fragment;
    ``planned``: a compiler gives every buffer its place before the step (XLA).
    """

    EXPANDABLE = "expandable"
    CACHING = "caching"
    PLANNED = "planned"


class Features(BaseModel):
    """What the software of a run does, as the run states it: never tuning knobs of the model."""

    model_config = FROZEN

    attention_kernel: AttentionKernel = AttentionKernel.TUNED
    cuda_graph: CudaGraph = CudaGraph.NONE
    moe_dispatcher: MoeDispatcher = MoeDispatcher.ALLTOALL
    tp_comm_overlap: Flag = False
    """Tensor-parallel collectives are cut up and run beside the products (userbuffers)."""
    tp_backward_overlap: Flag = True
    """Backward gathers and scatters, or reduces, beside its two products (Megatron-LM from 2022)."""
    ep_overlap: Flag = False
    """Expert exchanges run beside another micro-batch's computation."""
    dp_overlap: Flag = True
    """Gradients are reduced during the backward pass, weights gathered during the forward pass."""
    flat_gather: Flag = False
    """Sharded parameters are gathered on one ring through one NIC per node, not on one per NIC."""
    compile: Flag = False
    """Element-wise work is fused by a compiler."""
    gradients: GradientRecipe = GradientRecipe.FP32
    fused_cross_entropy: Flag = False
    """The loss is computed on 16-bit logits in place, without fp32 copies."""
    allocator: Allocator = Allocator.EXPANDABLE
    expert_imbalance: Annotated[float, Field(ge=1.0, le=64.0, allow_inf_nan=False)] = 1.0
    """Load of the busiest expert rank over the mean; 1 for forced balance, 1.1-1.3 is common."""
    dropout: Flag = False
    """Dropout masks are kept for the backward pass."""
    eager_modules: Flag = False
    """Plain PyTorch modules: gated activations run in pieces, gathered inputs and logits are kept."""


class RunSpec(BaseModel):
    """How the model is to be trained, beside the parallel degrees."""

    model_config = FROZEN

    global_batch_size: Count
    """Sequences per step."""
    seq_len: Annotated[int, Field(strict=True, ge=1, le=MAX_SEQ_LEN)]
    """Tokens per sequence."""
    precision: Precision = Precision.BF16
    framework: Annotated[str, Field(max_length=100)] = "megatron"
    """Whose legality binds, with a release if it matters: ``megatron@0.17.1``, or ``any``."""
    optimizer: Optimizer = Optimizer.ADAM
    features: Features = Features()

    @field_validator("framework")
    @classmethod
    def _framework_is_name_and_release(cls, framework: str) -> str:
        if not FRAMEWORK.fullmatch(framework):
            raise ValueError(
                f"expected a name such as megatron or megatron@0.17.1, found {framework!r}"
            )
        return framework

    @property
    def framework_name(self) -> str:
        """The framework without its release."""
        return self.framework.partition("@")[0]

    @property
    def framework_release(self) -> str:
        """The release the run states; empty where it states none."""
        return self.framework.partition("@")[2]

    @property
    def tokens_per_step(self) -> int:
        """Tokens one step trains on."""
        return self.global_batch_size * self.seq_len
