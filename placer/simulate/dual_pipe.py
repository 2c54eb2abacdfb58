"""DualPipe: micro-batches enter the pipeline from both ends (DeepSeek-V3, arXiv 2412.19437, 3.2.1).

Rank r holds stages r and pp - 1 - r of the model. The order below is the paper's figure 5 told rank
by rank: ``near`` micro-batches enter at the end of the pipeline a rank is closer to, ``far`` ones at
the other. Weight gradients are put off where they would keep the neighbour waiting.
"""

from __future__ import annotations

from collections import deque

from placer.simulate.ops import Op, Order, Pass


def dual_pipe_order(rank: int, pp: int, num_microbatches: int) -> Order:
    """Passes of one rank; pp even, micro-batches even and at least 2 pp."""
    script = _Script(rank, pp, num_microbatches)
    depth = min(rank, pp - 1 - rank)
    inner = pp // 2 - depth - 1
    for _ in range(2 * inner):
        script.forward(near=True)
    for _ in range(depth + 1):
        script.forward(near=True)
        script.forward(near=False)
    for _ in range(inner):
        script.backward(near=False, put_off=True)
        script.put_off_weights()
        script.forward(near=False)
    for _ in range(num_microbatches // 2 - pp + depth + 1):
        script.forward(near=True)
        script.backward(near=False)
        script.forward(near=False)
        script.backward(near=True)
    for _ in range(inner):
        script.backward(near=False)
        script.forward(near=False)
        script.backward(near=True)
    for number in range(2 * (depth + 1)):
        script.backward(near=number % 2 == 1, put_off=number > depth)
    for _ in range(inner):
        script.put_off_weights()
        script.backward(near=True, put_off=True)
    for _ in range(depth + 1):
        script.put_off_weights()
    return tuple(script.ops)


class _Script:
    """The passes of one rank as they are written down."""

    def __init__(self, rank: int, pp: int, num_microbatches: int) -> None:
        half = num_microbatches // 2
        numbers = (range(half), range(half, num_microbatches))
        first_is_near = rank < pp // 2
        near, far = numbers if first_is_near else numbers[::-1]
        stage = rank if first_is_near else pp - 1 - rank
        self.ops: list[Op] = []
        self._virtual = {True: stage, False: pp - 1 - stage}
        self._forward = {True: iter(near), False: iter(far)}
        self._backward = {True: iter(near), False: iter(far)}
        self._put_off: deque[Op] = deque()

    def forward(self, *, near: bool) -> None:
        """The next forward pass of a direction."""
        self.ops.append(Op(Pass.FORWARD, next(self._forward[near]), self._virtual[near]))

    def backward(self, *, near: bool, put_off: bool = False) -> None:
        """The next backward pass of a direction, with or without its weight gradients."""
        microbatch, virtual = next(self._backward[near]), self._virtual[near]
        kind = Pass.INPUT_GRADIENT if put_off else Pass.BACKWARD
        self.ops.append(Op(kind, microbatch, virtual))
        if put_off:
            self._put_off.append(Op(Pass.WEIGHT_GRADIENT, microbatch, virtual))

    def put_off_weights(self) -> None:
        """The oldest weight gradients that were put off."""
        self.ops.append(self._put_off.popleft())
