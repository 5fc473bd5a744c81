"""The order in which units and ranks run a phase: stretches of nodes with a division each, and collectives between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mapper.emit.shards.attention import RULES as ATTENTION
from mapper.emit.shards.experts import row_by_row
from mapper.emit.shards.layouts import SUM, WHOLE, Dealt, Held, Lay, Split
from mapper.emit.shards.planned_ways import PlannedWays
from mapper.emit.shards.products import RULES as PRODUCTS
from mapper.emit.shards.rules import ELEMENTWISE, NO_RULE, Answer, Asked, Division, Rule, opset_of
from mapper.emit.shards.rules import RULES as ELEMENTS
from mapper.emit.shards.shapes import RULES as SHAPES
from mapper.emit.shards.sizes import PhaseFacts
from mapper.emit.shards.waiting import Waiting
from mapper.frontend.anatomy import Anatomy, FileNode
from mapper.ir.graph import Op

RULES: dict[str, Rule] = {**ELEMENTS, **SHAPES, **PRODUCTS, **ATTENTION}
OLDEST_OPSET = 9
"""Older files lack what cuts are spelled with (Where); ranks run their nodes whole."""

_BESIDE_ATTENTION = ELEMENTWISE | SHAPES.keys()
"""Nodes of an attention that do not sum over the cache."""

Form = tuple[int, Lay]
"""A layout among so many ranks; 0 for a value that all can read."""


@dataclass(frozen=True)
class Run:
    """A node in a stretch; no division: every rank runs it whole."""

    node: FileNode
    division: Division | None


@dataclass
class Segment:
    """Nodes that each rank of a unit runs one after the other without waiting for another rank. dealt: what ranks have
    as rows of their experts meanwhile; beyond the segment it is a sum."""

    unit: str
    ranks: int
    runs: list[Run] = field(default_factory=list)
    dealt: dict[str, Dealt] = field(default_factory=dict)

    @property
    def ran(self) -> frozenset[str]:
        """The names of its nodes."""
        return frozenset(run.node.name for run in self.runs)


@dataclass(frozen=True)
class Exchange:
    """A value goes from one layout to another among ranks; `ends`: for the result of the phase alone."""

    unit: str
    value: str
    ranks: int
    source: Lay
    sink: Lay
    ends: bool = False


@dataclass
class Program:
    """A phase in order. forms: in which layouts each value is to be had, the one in which it is made first. maker: its
    unit. refused: nodes that ranks run whole though the plan divides them, and why. noted: other differences."""

    facts: PhaseFacts
    forms: dict[str, list[Form]] = field(default_factory=dict)
    maker: dict[str, str] = field(default_factory=dict)
    items: list[Segment | Exchange] = field(default_factory=list)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    noted: dict[str, tuple[str, str]] = field(default_factory=dict)

    def form(self, value: str, ranks: int, want: Lay) -> Form | None:
        """The form from which so many ranks get what they want without an exchange; None where there is none."""
        found = self.forms.get(value, [])
        if (ranks, want) in found:
            return ranks, want
        whole = next((f for f in found if f[1] is WHOLE), None)
        if want is SUM:
            return None
        if want is WHOLE or isinstance(want, Dealt):
            return whole
        for other in found:
            if other[0] == ranks and isinstance(other[1], Split) and isinstance(want, Split) and want.inside(other[1]):
                return other
        return whole


Blocked = dict[str, list[tuple[str, Lay]]]
"""Nodes that could run but for values that each lacks in some layout; none where it is left for later."""


class Builder:
    """Makes the program of a phase.

    owner: unit by node; nodes without one are copied to where they are read. states: how pasts that stay divided are
    held, among how many ranks; `asked` are those that some node would have liked so.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        ways: PlannedWays,
        owner: Mapping[str, str],
        ranks: Callable[[str], int],
        states: Mapping[str, Form],
        pasts: Iterable[str],
    ) -> None:
        self.anatomy, self.ways, self.owner, self.ranks = anatomy, ways, owner, ranks
        self.program = Program(ways.facts)
        self.asked: dict[str, Form] = {}
        self._pasts = set(pasts)
        for name in (*anatomy.initializers, *anatomy.sparse, *anatomy.inputs):
            self.program.forms[name] = [states.get(name, (0, WHOLE))]
        self._old = opset_of(anatomy.model)

    def build(self, nodes: Sequence[FileNode], groups: Sequence[Sequence[FileNode]], ends: Sequence[str]) -> Program:
        """The program of groups of nodes, each of one unit, in an order in which they can run."""
        for node in nodes:
            if node.name not in self.owner:
                self.program.forms.update({out: [(0, WHOLE)] for out in node.outputs if out})
        for group in groups:
            self._group(self.owner[group[0].name], group)
        for name in ends:
            self._exchange(name, 0, WHOLE, ends=True)
        return self.program

    def _group(self, unit: str, group: Sequence[FileNode]) -> None:
        ranks, waiting = self.ranks(unit), Waiting(group)
        while waiting:
            segment, blocked = self._beside_readers(unit, waiting)
            if segment.runs:
                self.program.items.append(segment)
            for name in sorted(blocked, key=waiting.place):
                for value, want in blocked[name]:
                    self._exchange(value, ranks, want)
            waiting.ran(run.node for run in segment.runs)

    def _beside_readers(self, unit: str, waiting: Waiting) -> tuple[Segment, Blocked]:
        """A segment in which rows are dealt only where what reads them can run too: beyond it they are a sum."""
        late = frozenset[str]()
        segment, blocked = self._segment(unit, waiting, late)
        while early := _dealt_early(segment, waiting, blocked):
            other, left = self._segment(unit, waiting, late | early)
            ran = other.ran
            for name, lacking in blocked.items():  # what they lack besides is on its way meanwhile
                if name not in ran and not left.get(name):
                    left[name] = [(n, want) for n, want in lacking if waiting.maker(n) in {None, *ran}]
            if not other.runs and not any(left.values()):  # nothing would ever run
                return self._segment(unit, waiting, late)
            segment, blocked, late = other, left, late | early
        return segment, blocked

    def _segment(self, unit: str, waiting: Waiting, late: frozenset[str]) -> tuple[Segment, Blocked]:
        """What can run of the nodes, and what others lack. late: nodes that are left for the next one."""
        segment: Segment = Segment(unit, self.ranks(unit))
        blocked: Blocked = {}

        def takes(node: FileNode) -> bool:
            lacking = [] if node.name in late else self._try(segment, node)
            if lacking is not None:
                blocked[node.name] = lacking
            return lacking is None

        waiting.offer(takes)
        return segment, blocked

    def _try(self, segment: Segment, node: FileNode) -> list[tuple[str, Lay]] | None:
        """Append the node to the segment; or what it lacks first."""
        division = self._division(node, segment) if segment.ranks > 1 else None
        wants = [(n, want) for n, want in _wants(node, division) if segment.dealt.get(n) != want]
        lacking = [(n, want) for n, want in wants if self.program.form(n, segment.ranks, want) is None]
        if lacking:
            return lacking
        segment.runs.append(Run(node, division))
        for i, out in enumerate(node.outputs):
            if out:
                self._leave(segment, out, division.leaves[i] if division else WHOLE)
        return None

    def _leave(self, segment: Segment, out: str, lay: Lay) -> None:
        if isinstance(lay, Dealt):
            segment.dealt[out] = lay
            lay = SUM
        self.program.forms[out] = [(segment.ranks if segment.ranks > 1 else 0, lay)]
        self.program.maker[out] = segment.unit

    def _exchange(self, value: str, ranks: int, want: Lay, *, ends: bool = False) -> None:
        program = self.program
        if program.form(value, ranks, want) is not None:
            return
        among, source = program.forms[value][0]
        sink = want if isinstance(want, Split) and among == ranks and ranks > 1 else WHOLE
        unit = program.maker.get(value) or next(u for u in self.owner.values() if self.ranks(u) == among)
        program.items.append(Exchange(unit, value, among, source, sink, ends))
        program.forms[value].append((among if sink is not WHOLE else 0, sink))

    def _division(self, node: FileNode, segment: Segment) -> Division | None:
        ranks = segment.ranks
        ways = [way for op, way in self.ways.of_node(node) if _concerns(op, node)]
        lays = tuple(segment.dealt.get(name) or self._lay(node, name, ranks) for name in node.proto.input)
        words = frozenset(way.name for way in ways)
        if all(lay is WHOLE for lay in lays):
            if words <= {"copy"}:
                return None
            lays = self._by_rows(node, ranks, lays)
        answer = self._asked(node, ranks, lays, words)
        if isinstance(answer, str):
            told = words - {"sum", "copy"}  # what all have whole is as good as a sum
            if told == {"row"} and node.proto.op_type in ELEMENTWISE:  # what comes after the sum of a product
                told = frozenset()
            if told == {"context"} and node.proto.op_type in _BESIDE_ATTENTION:  # operands are whole in that way
                told = frozenset()
            if told and not self._tiny(node):
                self.program.refused[node.name] = "+".join(sorted(words)), _why(words, answer)
            return None
        self.program.refused.pop(node.name, None)
        if answer.note:
            self.program.noted[node.name] = ("+".join(sorted(words)), answer.note)
        self._ask_states(node, answer, ranks)
        return answer

    def _tiny(self, node: FileNode) -> bool:
        """Whether there is nothing to divide: scales, sizes."""
        shapes = [self.program.facts.shape(out) for out in node.outputs if out]
        return all(shape is not None and all(size == 1 for size in shape) for shape in shapes)

    def _by_rows(self, node: FileNode, ranks: int, lays: tuple[Lay, ...]) -> tuple[Lay, ...]:
        """Where the plan has each rank make rows of what all read whole: the operand that has these rows, cut."""
        found = self.ways.rows(node, ranks)
        place = 1 if node.proto.op_type == "Gather" else 0
        if found is None or place >= len(lays):
            return lays
        name, split = found
        shape, out = self.program.facts.shape(node.proto.input[place]), self.program.facts.shape(name)
        if not shape or not out or split.axis >= len(shape) or shape[split.axis] != out[split.axis]:
            return lays
        return (*lays[:place], split, *lays[place + 1 :])

    def _asked(self, node: FileNode, ranks: int, lays: tuple[Lay, ...], words: frozenset[str]) -> Answer:
        proto = node.proto
        if self._old < OLDEST_OPSET:
            return f"opset {self._old} is too old for cuts"
        rule = RULES.get(f"{proto.op_type}@{proto.domain}") or RULES.get(proto.op_type)
        if rule is None or set(node.reads) - set(proto.input):
            return NO_RULE
        asked = Asked(
            proto,
            lays,
            self.program.facts,
            ranks,
            words,
            columns=lambda out, size: self.ways.columns(node, out, size, ranks),
            matrix_axis=lambda way: self.ways.matrix_axis(node, way),
        )
        answer = row_by_row(asked, rule) if any(isinstance(lay, Dealt) for lay in lays) else rule(asked)
        if isinstance(answer, str):
            return answer
        sums = SUM in answer.leaves and SUM not in answer.wants
        if sums and any(isinstance(want, Split) and not want.apart for want in answer.wants):
            return "ranks that have the same part would add it twice"
        for i, want in enumerate(answer.wants):
            if want is SUM and lays[i] is not SUM and not isinstance(lays[i], Dealt):
                return "it would add what is no summand"
            if isinstance(want, Split) and asked.has(i) and not self._divisible(asked, i, want):
                return "a rank would have nothing of it"
        return answer

    def _divisible(self, asked: Asked, i: int, want: Split) -> bool:
        shape = asked.shape(i)
        return all(want.sizes) and (shape is None or want.axis < len(shape))

    def _lay(self, node: FileNode, name: str, ranks: int) -> Lay:
        """How the node reads a value: as the plan wants it, else as it lies."""
        forms = self.program.forms.get(name, [])
        if not name or not forms:
            return WHOLE
        mine = [lay for among, lay in forms if among == ranks]
        lies: Lay = SUM if mine and mine[0] is SUM and len(forms) == 1 else WHOLE
        lies = next((lay for lay in mine if isinstance(lay, Split)), lies)
        wanted = self.ways.wanted(node, name, lies, ranks)
        return lies if wanted is SUM and not isinstance(lies, Held) else wanted

    def _ask_states(self, node: FileNode, answer: Division, ranks: int) -> None:
        for name, want in zip(node.proto.input, answer.wants, strict=False):
            if name in self._pasts and isinstance(want, Split):
                self.asked.setdefault(name, (ranks, want))


def _dealt_early(segment: Segment, waiting: Waiting, blocked: Blocked) -> frozenset[str]:
    """Nodes of a segment whose dealt rows are read by some that have to wait for something else."""
    if not segment.dealt:
        return frozenset()
    ran = segment.ran
    early = {name for name in segment.dealt if any(reader not in ran for reader in waiting.readers(name))}
    early -= {name for lacking in blocked.values() for name, _ in lacking}
    return frozenset(run.node.name for run in segment.runs if not early.isdisjoint(run.node.outputs))


_APART = "its ops are divided apart, but it is one node of the file"


def _why(words: frozenset[str], answer: str) -> str:
    if "context" in words:
        return "maxima and sums of softmaxes, which ranks would merge, are no values of its file"
    if words & {"expert", "experts", "combine"}:
        return answer if answer != NO_RULE else "it does not treat the rows of experts one by one"
    if len(words) > 1:
        return _APART
    if answer == NO_RULE and "tokens" in words:
        return "its rows are fewer than ranks, or how many there are depends on data"
    return answer


def _concerns(op: Op, node: FileNode) -> bool:
    """Whether an op's way is one for the node: a norm that also adds a bias does not divide the bias's product."""
    return op.kind in ("norm", "elementwise") or "Normalization" not in node.proto.op_type


def _wants(node: FileNode, division: Division | None) -> list[tuple[str, Lay]]:
    """What a node reads, each with its layout. Operands that are replaced are not read."""
    if division is None:
        return [(name, WHOLE) for name in node.reads]
    replaced = division.fixed
    return [
        (name, want)
        for i, (name, want) in enumerate(zip(node.proto.input, division.wants, strict=True))
        if name and i not in replaced
    ]
