"""The event simulation of one step: stages run their programs, transfers and collectives between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from placer.simulate.clock import Activity, Clock
from placer.simulate.collectives import Duration
from placer.simulate.ops import Op, Pass
from placer.simulate.passes import PassTime
from placer.simulate.program import Code, Run, Transfer, incoming
from placer.simulate.replicas import ReplicaStream
from placer.simulate.scene import Outcome, Part, Scene, Span, Waiting
from placer.simulate.traffic import Traffic


def on_time(_stage: int) -> float:
    """The pace of a stage that takes as long as planned."""
    return 1.0


def simulate_step(scene: Scene, pace: Callable[[int], float] = on_time) -> Outcome:
    """Play one step of a training run in its steady state.

    It starts when the optimizer of the step before has written its weights, and ends when its own
    has; the norm of all gradients, which every stage needs, holds them together there. ``pace`` is
    asked before each pass of a stage how many times its time it takes.
    """
    return _Step(scene, pace).play()


@dataclass(slots=True)
class _Message:
    """A transfer between two stages: who has offered it, when it ran, who waits for it."""

    sender: int = -1
    receiver: int = -1
    prefetched: bool = False
    start_s: float = -1.0
    end_s: float = -1.0
    readers: list[_Stream] = field(default_factory=list)


class _Stream:
    """The compute stream of one stage of one lane, at instruction ``at`` of its program."""

    __slots__ = ("activity", "at", "blocked_s", "lane", "nominal_s", "part", "stage", "started_s")

    def __init__(self, lane: int, stage: int) -> None:
        self.lane = lane
        self.stage = stage
        self.at = 0
        self.part = 0
        self.started_s = 0.0
        self.blocked_s = 0.0
        self.nominal_s = 0.0
        self.activity: Activity | None = None


class _Channel:
    """Messages from one stage to another, one after the other."""

    __slots__ = ("is_busy", "queue")

    def __init__(self) -> None:
        self.is_busy = False
        self.queue: deque[_Message] = deque()


class _Step:
    """The state of a step being played."""

    def __init__(self, scene: Scene, pace: Callable[[int], float]) -> None:
        self.scene = scene
        self.pace = pace
        self.clock = Clock()
        self.traffic = Traffic(self.clock, scene.shared)
        stages = range(len(scene.programs))
        self.num_virtual = 1 + max(j for _, _, j in scene.parts)
        self.streams = [
            [_Stream(lane, stage) for stage in stages] for lane in range(scene.num_lanes)
        ]
        self.replicas = [
            ReplicaStream(stage, self.clock, self.traffic, self._replicas_changed)
            for stage in stages
        ]
        self.messages: dict[tuple[int, Transfer], _Message] = {}
        self.channels: dict[tuple[int, int, int], _Channel] = {}
        self.waiting = {(s.lane, s.stage): Waiting() for lane in self.streams for s in lane}
        self.spans: list[Span] = []
        self.arrived: set[tuple[int, int, int]] = set()
        self.gather_readers: dict[tuple[int, int, int], list[_Stream]] = {}
        self.scatter_left: dict[tuple[int, int, int], int] = {}
        self.computing = [0] * len(scene.programs)
        self.ends = [_boundary_passes(program) for program in scene.programs]
        self.first_at_once = [self._virtuals(stage) for stage in stages]

    def play(self) -> Outcome:
        """From the first gather to the optimizer."""
        for stage, replicas in enumerate(self.replicas):
            for virtual in self.first_at_once[stage]:
                for index, part in enumerate(self._parts(0, stage, virtual)):
                    key = (stage, virtual, index)
                    replicas.add(part.gather, self._gathered(key), scatter=False)
        for lane in self.streams:
            for stream in lane:
                self._advance(stream)
        self.clock.run()
        passes_end_s = max(span.end_s for span in self.spans)
        replicas_end_s = max(passes_end_s, self.clock.now)
        return Outcome(
            spans=tuple(self.spans),
            passages=tuple(self.traffic.passages),
            collected=tuple(c for r in self.replicas for c in r.collected),
            waiting=self.waiting,
            passes_end_s=passes_end_s,
            replicas_end_s=replicas_end_s,
            step_time_s=replicas_end_s + self.scene.optimizer_s,
        )

    def _virtuals(self, stage: int) -> list[int]:
        """Virtual stages of a stage in the order of their first passes."""
        runs = (i.op for i in self.scene.programs[stage] if isinstance(i, Run))
        return list(dict.fromkeys(op.virtual for op in runs))

    def _parts(self, lane: int, stage: int, virtual: int) -> tuple[Part, ...]:
        return self.scene.parts[lane, stage, virtual]

    def _advance(self, stream: _Stream) -> None:
        """Go through instructions until one takes time."""
        program = self.scene.programs[stream.stage]
        while stream.at < len(program):
            instruction = program[stream.at]
            if isinstance(instruction, Run):
                self._begin(stream, instruction.op)
                return
            message = self._message(stream.lane, instruction.transfer)
            if instruction.code is Code.AWAIT:
                if message.end_s < 0.0:
                    stream.blocked_s = self.clock.now
                    message.readers.append(stream)
                    return
            elif instruction.code is Code.SEND:
                message.sender = stream.stage
                self._offer(stream.lane, message)
            else:
                message.receiver = stream.stage
                message.prefetched = instruction.code is Code.PREFETCH
                self._offer(stream.lane, message)
            stream.at += 1
        self._finished(stream)

    def _finished(self, stream: _Stream) -> None:
        """Without overlap, gradients leave when the stage is through."""
        if self.scene.overlaps:
            return
        for virtual in self.first_at_once[stream.stage]:
            for index in range(len(self._parts(stream.lane, stream.stage, virtual))):
                self._scatter(stream, virtual, index)

    def _message(self, lane: int, transfer: Transfer) -> _Message:
        key = (lane, transfer)
        if key not in self.messages:
            self.messages[key] = _Message()
        return self.messages[key]

    def _offer(self, lane: int, message: _Message) -> None:
        """Queue a message once both sides have offered it."""
        if message.sender < 0 or message.receiver < 0:
            return
        key = (lane, message.sender, message.receiver)
        channel = self.channels.setdefault(key, _Channel())
        channel.queue.append(message)
        if not channel.is_busy:
            self._send(key, channel)

    def _send(self, key: tuple[int, int, int], channel: _Channel) -> None:
        if not channel.queue:
            channel.is_busy = False
            return
        channel.is_busy = True
        message, hop = channel.queue.popleft(), self.scene.hops[key]
        message.start_s = self.clock.now

        def arrive() -> None:
            message.end_s = self.clock.now
            for stream in message.readers:
                self._waited(stream, message)
                self._advance(stream)
            self._send(key, channel)

        self.traffic.start(hop.operation, hop.duration, hop.payload_bytes, arrive)

    def _waited(self, stream: _Stream, message: _Message) -> None:
        """Book a wait: while the message moved on the transfer, before that on nothing to do."""
        waits = self.waiting[stream.lane, stream.stage]
        began = max(stream.blocked_s, message.start_s)
        waits.transfer_s += self.clock.now - began
        waits.bubble_s += began - stream.blocked_s

    def _begin(self, stream: _Stream, op: Op) -> None:
        """Start a pass; the first and the last of a virtual stage go part by part."""
        stream.started_s = self.clock.now
        first, last = self.ends[stream.stage]
        parts = self._parts(stream.lane, stream.stage, op.virtual)
        stream.part = 0
        if op in first or (op in last and self.scene.overlaps):
            self._begin_part(stream, op)
            return
        work = [part.passes[op.kind] for part in parts]
        self._work(stream, work, self._held_s(stream, op), lambda: self._end(stream, op))

    def _held_s(self, stream: _Stream, op: Op) -> float:
        """What a prefetched transfer took from the computation before this pass."""
        transfer = incoming(op, self.num_virtual)
        if transfer is None:
            return 0.0
        message = self.messages[stream.lane, transfer]
        if not message.prefetched:
            return 0.0
        held_s = self.scene.hold * (message.end_s - message.start_s)
        self.waiting[stream.lane, stream.stage].held_s += held_s
        return held_s

    def _begin_part(self, stream: _Stream, op: Op) -> None:
        """Start the next part of a pass, once its weights are there."""
        parts = self._parts(stream.lane, stream.stage, op.virtual)
        if stream.part == len(parts):
            self._end(stream, op)
            return
        forward = op.kind is Pass.FORWARD
        index = stream.part if forward else len(parts) - 1 - stream.part
        if forward and not self._weights_are_there(stream, op.virtual, index):
            return
        work = [parts[index].passes[op.kind]]
        held_s = self._held_s(stream, op) if stream.part == 0 else 0.0
        self._work(stream, work, held_s, lambda: self._end_part(stream, op, index))

    def _weights_are_there(self, stream: _Stream, virtual: int, index: int) -> bool:
        """Whether a part can run; if not, the stream is called when it can."""
        wanted = [(stream.stage, virtual, index)]
        if not self.scene.overlaps:
            wanted = [
                (stream.stage, j, i)
                for j in self.first_at_once[stream.stage]
                for i in range(len(self._parts(stream.lane, stream.stage, j)))
            ]
        missing = [key for key in wanted if key not in self.arrived]
        if missing:
            stream.blocked_s = self.clock.now
            self.gather_readers.setdefault(missing[-1], []).append(stream)
        return not missing

    def _gathered(self, key: tuple[int, int, int]) -> Callable[[], None]:
        def arrive() -> None:
            self.arrived.add(key)
            for stream in self.gather_readers.pop(key, []):
                waits = self.waiting[stream.lane, stream.stage]
                waits.replicas_s += self.clock.now - stream.blocked_s
                instruction = self.scene.programs[stream.stage][stream.at]
                assert isinstance(instruction, Run), "only a pass waits for weights"
                self._begin_part(stream, instruction.op)

        return arrive

    def _end_part(self, stream: _Stream, op: Op, index: int) -> None:
        if self.scene.overlaps and op in self.ends[stream.stage][1]:
            self._scatter(stream, op.virtual, index)
        stream.part += 1
        self._begin_part(stream, op)

    def _scatter(self, stream: _Stream, virtual: int, index: int) -> None:
        """Send a part's gradients once every lane has them."""
        key = (stream.stage, virtual, index)
        left = self.scatter_left.get(key, self.scene.num_lanes) - 1
        self.scatter_left[key] = left
        if left == 0:
            jobs = self._parts(0, stream.stage, virtual)[index].scatter
            self.replicas[stream.stage].add(jobs, _nothing, scatter=True)

    def _work(
        self, stream: _Stream, work: list[PassTime], held_s: float, done: Callable[[], None]
    ) -> None:
        """Run a pass: what takes a fixed time, then the exchanges that other traffic can slow."""
        exchanges = [
            (axis, operation, sum(getattr(w, f"{axis}_moving_s") for w in work))
            for axis, operation in self.scene.phases[stream.lane, stream.stage]
        ]
        moving_s = sum(seconds for _, _, seconds in exchanges)
        fixed_s = sum(w.total_s for w in work) - moving_s + held_s

        def exchange() -> None:
            if not exchanges:
                done()
                return
            axis, operation, seconds = exchanges.pop(0)
            payload_bytes = sum(getattr(w, f"{axis}_bytes") for w in work)
            began = self.clock.now

            def moved() -> None:
                stretched = self.waiting[stream.lane, stream.stage].stretched_s
                lost_s = max(self.clock.now - began - seconds, 0.0)
                stretched[axis] = stretched.get(axis, 0.0) + lost_s
                exchange()

            duration = Duration(lead_s=0.0, transfer_s=seconds)
            self.traffic.start(operation, duration, payload_bytes, moved)

        self._compute(stream, fixed_s, exchange)

    def _compute(self, stream: _Stream, planned_s: float, done: Callable[[], None]) -> None:
        work_s = planned_s * self.pace(stream.stage)

        def end() -> None:
            stream.activity = None
            self.computing[stream.stage] -= 1
            self._pace(stream.stage)
            waits = self.waiting[stream.lane, stream.stage]
            waits.replicas_s += max(self.clock.now - began - work_s, 0.0)
            done()

        began = self.clock.now
        stream.activity = Activity(work_s, end)
        self.computing[stream.stage] += 1
        self.clock.start(stream.activity, self._compute_speed(stream.stage))
        self._pace(stream.stage)

    def _compute_speed(self, stage: int) -> float:
        busy = self.replicas[stage].is_busy
        return 1.0 - self.scene.drag * self.scene.beside if busy else 1.0

    def _pace(self, stage: int) -> None:
        """Slow the collectives of a stage while it computes."""
        self.replicas[stage].set_cap(self.scene.beside if self.computing[stage] else 1.0)

    def _replicas_changed(self, stage: int) -> None:
        """Slow the computation of a stage while its replicas communicate."""
        speed = self._compute_speed(stage)
        for lane in self.streams:
            activity = lane[stage].activity
            if activity is not None:
                self.clock.set_speed(activity, speed)

    def _end(self, stream: _Stream, op: Op) -> None:
        self.spans.append(
            Span(
                lane=stream.lane,
                stage=stream.stage,
                op=op,
                start_s=stream.started_s,
                end_s=self.clock.now,
            )
        )
        stream.at += 1
        self._advance(stream)


def _boundary_passes(program: tuple[object, ...]) -> tuple[frozenset[Op], frozenset[Op]]:
    """The first pass of each virtual stage, and the last that adds to its gradients."""
    first: dict[int, Op] = {}
    last: dict[int, Op] = {}
    for instruction in program:
        if isinstance(instruction, Run):
            op = instruction.op
            first.setdefault(op.virtual, op)
            if op.kind in (Pass.BACKWARD, Pass.WEIGHT_GRADIENT):
                last[op.virtual] = op
    return frozenset(first.values()), frozenset(last.values())


def _nothing() -> None:
    """Nobody waits for gradients but the end of the step."""
