"""What each stage's stream does step by step: passes, and the sends and receives between them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from placer.plan.strategy import Schedule, Strategy
from placer.simulate.ops import Op, Order, Pass
from placer.simulate.schedule import num_warmup, runs_both_ways, stage_orders


class Transfer(NamedTuple):
    """Activations into a virtual stage (forward), or gradients of its output (backward)."""

    forward: bool
    microbatch: int
    into: int


class Code(IntEnum):
    """What an instruction does.

    ``RUN`` a pass; ``SEND`` and ``RECEIVE`` offer a transfer, which starts when both sides have;
    ``PREFETCH`` is a receive that runs beside computation; ``AWAIT`` holds the stream until the
    transfer is over.
    """

    RUN = 0
    SEND = 1
    RECEIVE = 2
    PREFETCH = 3
    AWAIT = 4


class Run(NamedTuple):
    """Run one pass."""

    op: Op
    code: Code = Code.RUN


class Communicate(NamedTuple):
    """Offer or await one transfer."""

    code: Code
    transfer: Transfer


Instruction = Run | Communicate
Program = tuple[Instruction, ...]


def incoming(op: Op, num_virtual: int) -> Transfer | None:
    """The transfer a pass needs; none for the ends of the model and for weight gradients."""
    if op.kind is Pass.FORWARD:
        return Transfer(True, op.microbatch, op.virtual) if op.virtual > 0 else None
    if op.kind is Pass.WEIGHT_GRADIENT or op.virtual == num_virtual - 1:
        return None
    return Transfer(False, op.microbatch, op.virtual)


def outgoing(op: Op, num_virtual: int) -> Transfer | None:
    """The transfer a pass produces."""
    if op.kind is Pass.FORWARD:
        last = op.virtual == num_virtual - 1
        return None if last else Transfer(True, op.microbatch, op.virtual + 1)
    if op.kind is Pass.WEIGHT_GRADIENT or op.virtual == 0:
        return None
    return Transfer(False, op.microbatch, op.virtual - 1)


def stage_programs(strategy: Strategy) -> tuple[Program, ...]:
    """Instructions of every stage under the strategy's schedule."""
    orders = stage_orders(strategy)
    if strategy.vpp > 1:
        return tuple(_interleaved(strategy, orders, s) for s in range(strategy.pp))
    if strategy.schedule is Schedule.DUAL_PIPE and runs_both_ways(strategy):
        return tuple(_both_ways(order, strategy.pp) for order in orders)
    if strategy.cross_site.extra_in_flight:
        return tuple(_eager(order, strategy.pp) for order in orders)
    return tuple(_blocking(order, strategy.pp) for order in orders)


def _blocking(order: Order, num_virtual: int) -> Program:
    """Between two passes, send what the last produced and receive what the next needs, and wait.

    Megatron-LM's schedule without interleaving fuses the two (``send_forward_recv_backward``,
    ``send_backward_recv_forward``) wherever both exist, so that neither side deadlocks. Weight
    gradients that follow a pass run while its sends are under way.
    """
    program: list[Instruction] = []
    pending: Transfer | None = None
    for op in order:
        if op.kind is Pass.WEIGHT_GRADIENT:
            program.append(Run(op))
            continue
        needed = incoming(op, num_virtual)
        program += _exchange(pending, needed)
        program.append(Run(op))
        pending = outgoing(op, num_virtual)
        if pending is not None:
            program.append(Communicate(Code.SEND, pending))
    return tuple(program + _exchange(pending, None))


def _eager(order: Order, num_virtual: int) -> Program:
    """All receives are offered at the start, and nobody waits for a send.

    What runs ahead of a slow crossing must not wait for it.
    """
    return _prefetched([(op,) for op in order], num_virtual)


def _both_ways(order: Order, num_virtual: int) -> Program:
    """DualPipe: all receives are offered at the start, and nobody waits for a send.

    A forward pass right before a whole backward pass runs interwoven with it (DeepSeek-V3, arXiv
    2412.19437, figure 4): both wait for both inputs, and nothing leaves before the pair is done.
    """
    return _prefetched(list(_blocks(order)), num_virtual)


def _prefetched(blocks: list[Order], num_virtual: int) -> Program:
    """Blocks of passes that wait for their inputs only."""
    program: list[Instruction] = [
        Communicate(Code.PREFETCH, needed)
        for needed in (incoming(op, num_virtual) for block in blocks for op in block)
        if needed is not None
    ]
    for block in blocks:
        needed = [incoming(op, num_virtual) for op in block]
        made = [outgoing(op, num_virtual) for op in block]
        program += [Communicate(Code.AWAIT, t) for t in needed if t is not None]
        program += [Run(op) for op in block]
        program += [Communicate(Code.SEND, t) for t in made if t is not None]
    return tuple(program)


def _blocks(order: Order) -> Iterator[Order]:
    """Single passes, and pairs that are interwoven."""
    at = 0
    while at < len(order):
        kinds = tuple(op.kind for op in order[at : at + 2])
        size = 2 if kinds == (Pass.FORWARD, Pass.BACKWARD) else 1
        yield order[at : at + size]
        at += size


def _exchange(sent: Transfer | None, needed: Transfer | None) -> list[Instruction]:
    """Receive, then wait for both directions."""
    received = [] if needed is None else [Communicate(Code.RECEIVE, needed)]
    awaited = [t for t in (sent, needed) if t is not None]
    return [*received, *(Communicate(Code.AWAIT, t) for t in awaited)]


class _Direction:
    """One direction of an interleaved stage: its passes, and when it offers to receive for them.

    ``posts[k]`` are the transfers whose receive is offered right after pass k of the direction
    (-1: at the start): before the pass that needs them, and no earlier than the neighbour that
    sends has gone through them in its own order. The first stage gets from the last what that
    computed pp - 1 passes ago (Megatron-LM ``recv_tensor_from_previous_stage``).
    """

    def __init__(self, ops: list[Op], sender: list[Op], pp: int, num_virtual: int) -> None:
        self.ops = ops
        self.num_virtual = num_virtual
        self.posts: dict[int, list[Transfer]] = {}
        sent = {outgoing(op, num_virtual): index for index, op in enumerate(sender)}
        for index, op in enumerate(ops):
            needed = incoming(op, num_virtual)
            if needed is not None:
                when = min(index - 1, sent[needed] + pp - 1)
                self.posts.setdefault(when, []).append(needed)

    def receive(self, index: int, code: Code) -> list[Instruction]:
        """Offer what pass ``index`` leaves room for."""
        return [Communicate(code, transfer) for transfer in self.posts.get(index, [])]

    def run(self, index: int) -> list[Instruction]:
        """Wait for what the pass needs, run it, send what it makes."""
        op = self.ops[index]
        needed, made = incoming(op, self.num_virtual), outgoing(op, self.num_virtual)
        before = [Communicate(Code.AWAIT, needed)] if needed is not None else []
        return [*before, Run(op), *([Communicate(Code.SEND, made)] if made is not None else [])]

    def wait_for_send(self, index: int) -> list[Instruction]:
        """Wait until what pass ``index`` made has gone."""
        made = outgoing(self.ops[index], self.num_virtual) if index >= 0 else None
        return [Communicate(Code.AWAIT, made)] if made is not None else []

    def blocking(self, index: int) -> list[Instruction]:
        """Run a pass and wait for what it sends and for what it offers to receive."""
        received = self.receive(index, Code.RECEIVE)
        awaited = [Communicate(Code.AWAIT, transfer) for transfer in self.posts.get(index, [])]
        return [*self.run(index), *received, *self.wait_for_send(index), *awaited]

    def overlapped(self, index: int) -> list[Instruction]:
        """Run a pass, offer the next receive, wait for the send before this one."""
        received = self.receive(index, Code.PREFETCH)
        return [*self.run(index), *received, *self.wait_for_send(index - 1)]


def _interleaved(strategy: Strategy, orders: tuple[Order, ...], stage: int) -> Program:
    """Megatron-LM's interleaved schedule with ``--overlap-p2p-communication``.

    Warm-up and cool-down wait for their transfers; in between, sends and receives run beside the
    passes, and a send is awaited after the next pass of its direction.
    """
    pp, num_virtual = strategy.pp, strategy.pp * strategy.vpp

    def direction(kind: Pass, sender: int) -> _Direction:
        own = [op for op in orders[stage] if op.kind is kind]
        theirs = [op for op in orders[sender] if op.kind is kind]
        return _Direction(own, theirs, pp, num_virtual)

    ahead = direction(Pass.FORWARD, (stage - 1) % pp)
    behind = direction(Pass.BACKWARD, (stage + 1) % pp)
    warmup = num_warmup(strategy, stage)
    pairs = len(ahead.ops) - warmup
    program = ahead.receive(-1, Code.RECEIVE)
    for index in range(warmup):
        program += ahead.blocking(index)
    program += behind.receive(-1, Code.PREFETCH)
    for index in range(pairs):
        program += ahead.overlapped(warmup + index)
        program += behind.overlapped(index)
    program += behind.wait_for_send(pairs - 1)
    for index in range(pairs, len(behind.ops)):
        program += behind.blocking(index)
    return tuple(program)
