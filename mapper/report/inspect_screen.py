"""An inspection on one screen: figures first, then what to bind, what is kept, what is computed, what is unknown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from mapper.report.inspection import Inspection, PhaseView
from mapper.report.requests import DimView, InputView, StateView
from mapper.report.screen import INDENT, WIDTH
from mapper.report.units import listed, percent, shorten, si
from mapper.report.workload import Amount

_SHOWN_INPUTS = 16
_SHOWN_DIMS = 24
_SHOWN_BLOCKS = 6
_REASON = 28
"""Columns of the reason for a dim's size at most."""
_LABEL = 11
"""Columns of the words before a list: state, blocks, opaque, note."""

Row = Sequence[str | tuple[str, ...]]
"""Cells; the last may be a list."""


def inspect_screen(found: Inspection, command: str = "") -> str:
    """The inspection as text of at most a screen's width.

    command: what to type to bind the dims that are missing, shown last where some are.
    """
    blocks = [
        [_headline(found)],
        _totals(found),
        _inputs(found.inputs),
        _dims(found.dims),
        _expected(found),
        _labelled("state", _states(found)),
        *(_kinds(view, len(found.phases) > 1) for view in found.phases),
        _labelled("blocks", _blocks(found)),
        _labelled("folded", _folded(found)),
        _labelled("opaque", _opaque(found)),
        _labelled("note", [line for warning in found.warnings for line in _wrapped(warning)]),
        _problem(found, command),
    ]
    return "\n\n".join("\n".join(f"{'':<{INDENT}}{line}".rstrip() for line in lines) for lines in blocks if lines)


def _headline(found: Inspection) -> str:
    words = [f"opset {found.opset}" if found.opset else "no ai.onnx opset"]
    words.append(_count(found.nodes, "node") + (f" -> {_count(found.ops, 'op')}" if found.ops is not None else ""))
    size = f", {_size(found.weight_bytes)}" if found.weight_bytes is not None else ""
    words.append(f"{_parameters(found)}{size}")
    if found.seconds:
        words.append(f"{found.seconds:.1f} s")
    rest = " · ".join(["", *words])
    return shorten(found.model, max(8, WIDTH - INDENT - len(rest))) + rest


def _folded(found: Inspection) -> list[str]:
    """How many nodes of the file left no op, and why."""
    total = sum(number for _, number in found.folded)
    parts = ", ".join(f"{number:,} {reason}" for reason, number in sorted(found.folded, key=lambda item: -item[1]))
    return _wrapped(f"{_count(total, 'node')} without an op: {parts}") if total else []


def _parameters(found: Inspection) -> str:
    """The weights that the file stores; those that ops read first, where these are another number."""
    if found.used is None or abs(found.used - found.parameters) <= 0.02 * max(found.used, found.parameters):
        return f"{si(found.parameters)} parameters"
    return f"{si(found.used)} parameters ({si(found.parameters)} stored)"


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def _totals(found: Inspection) -> list[str]:
    rows = [
        [
            v.name, str(v.calls), si(v.total.macs), _size(v.total.weight_bytes), _size(v.total.activation_bytes),
            _bytes(v.total.state_bytes), _intensity(v.total), _bytes(v.state_bytes), _at(v),
        ]
        for v in found.phases
    ]  # fmt: skip
    head = ["phase", "calls", "MACs", "weights", "activations", "state", "op/B", "kept state", "one call, at"]
    return _table(head, rows, right=range(1, 8)) if rows else []


def _at(view: PhaseView) -> str:
    """The phase as it was asked for; of a range also the size that the figures are for."""
    sizes = dict(view.sizes)
    words = [f"{n}={g} (here {sizes[n]})" if ".." in g and n in sizes else f"{n}={g}" for n, g in view.given]
    return " ".join(words) or "fixed sizes"


def _size(number: int) -> str:
    """Bytes; below a kilobyte these are whole."""
    return f"{number} B" if number < 1000 else si(number, "B")


def _bytes(size: int) -> str:
    return _size(size) if size else ""


def _intensity(amount: Amount) -> str:
    found = amount.intensity
    return "" if found is None else f"{found:.1f}" if found < 99.95 else f"{found:.0f}"


def _inputs(inputs: Sequence[InputView]) -> list[str]:
    groups: dict[object, list[InputView]] = {}
    for view in inputs:
        key = (view.dtype, view.shape, view.state) if view.state or len(view.shape) > 2 else view.name
        groups.setdefault(key, []).append(view)
    listed = list(groups.values())
    rows = [[_names(group), group[0].dtype.value, _shape(group[0].shape)] for group in listed[:_SHOWN_INPUTS]]
    if len(listed) > _SHOWN_INPUTS:
        rows.append([f"... and {sum(map(len, listed[_SHOWN_INPUTS:]))} more", "", ""])
    return _table(["input", "type", "shape"], rows) if rows else ["no inputs"]


def _names(group: Sequence[InputView]) -> str:
    first, last = group[0].name, group[-1].name
    return shorten(first, 60) if len(group) == 1 else f"{len(group)} x {shorten(first, 32)} .. {shorten(last, 32)}"


def _shape(shape: Sequence[int | str]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _dims(dims: Sequence[DimView]) -> list[str]:
    rows = []
    for dim in dims[:_SHOWN_DIMS]:
        own = [f"'{name}'" for name in dim.own if name != dim.name]
        sizes = ["?" if p.how == "missing" else _range(p.sizes) for p in dim.phases]
        more = f" and {len(dim.inputs) - 1} more" if len(dim.inputs) > 1 else ""
        where = shorten(dim.inputs[0], 34 - len(more)) + more
        rows.append([dim.name, dim.role or "-", *sizes, _why(dim), shorten(", ".join(own), 34), where])
    if len(dims) > _SHOWN_DIMS:
        rows.append([f"... and {len(dims) - _SHOWN_DIMS} more"])
    names = [p.phase for p in dims[0].phases] if dims else []
    return _table(["dim", "role", *names, "why", "in the file", "where"], rows) if rows else []


def _why(dim: DimView) -> str:
    """How the sizes were found, once where all phases agree but for numbers."""
    several = len({p.sizes for p in dim.phases}) > 1 or any(len(p.sizes) > 1 for p in dim.phases)
    return shorten(" | ".join(dict.fromkeys(_how(p.how, several) for p in dim.phases)), _REASON)


def _range(sizes: Sequence[int]) -> str:
    return "" if not sizes else str(sizes[0]) if len(sizes) == 1 else f"{min(sizes)}..{max(sizes)}"


def _how(reason: str, several: bool) -> str:
    """The reason; for several sizes without the numbers of the first."""
    return re.sub(r"(?<=[A-Za-z_)]) \d+\b", "", reason) if several else reason


def _expected(found: Inspection) -> list[str]:
    rows = [[e.name, e.value, "set" if e.given else f"default: {e.default}", e.about] for e in found.expectations]
    return _table(["depends on data", "taken as", "why", "what it is"], rows) if rows else []


def _states(found: Inspection) -> list[str]:
    lines = []
    for state in found.states:
        several = len(state.bytes) > 1
        kept = ", ".join(f"{_size(size)}{f' after {name}' if several else ''}" for name, size in state.bytes)
        grows = f"{_size(state.token_bytes)} a token" if state.token_bytes else "does not grow"
        lines.append(f"{state.count} x {_shape(state.shape)} {state.dtype.value}  {_pair(state)}")
        lines += _wrapped(f"    a request keeps {kept}; {grows}")
    return lines


def _pair(state: StateView) -> str:
    more = " ..." if state.count > 1 else ""
    if not state.present:
        return f"read as {state.past}{more}"
    return f"{state.past} -> {state.present}{more}" if state.past else f"made as {state.present}{more}"


def _kinds(view: PhaseView, several: bool) -> list[str]:
    whole = view.total
    rows: list[Row] = [
        [
            row.kind, str(row.amount.ops), si(row.amount.macs) if row.amount.macs else "",
            percent(row.amount.macs / whole.macs) if row.amount.macs and whole.macs else "",
            _bytes(row.amount.weight_bytes), _bytes(row.amount.activation_bytes), _bytes(row.amount.state_bytes),
            _intensity(row.amount), row.details,
        ]
        for row in view.kinds
    ]  # fmt: skip
    head = [f"in {view.name}" if several else "kind", "ops", "MACs", "share", "weights", "activations", "state", "op/B"]
    return _table([*head, "which"], rows, right=range(1, 8))


def _blocks(found: Inspection) -> list[str]:
    shown = sorted(found.blocks, key=lambda b: -b.times * b.ops)[:_SHOWN_BLOCKS]
    lines = []
    for block in shown:
        macs = f", {si(block.amount.macs)} MACs" if block.amount.macs else ""
        weights = f", {_size(block.amount.weight_bytes)} of weights" if block.amount.weight_bytes else ""
        phase = f" in {found.phases[0].name}" if len(found.phases) > 1 else ""
        start = f"{block.times} x {_count(block.ops, 'op')}{macs}{weights}{phase}: "
        lines.append(start + listed(list(block.details), WIDTH - INDENT - _LABEL - len(start)))
    return lines


def _opaque(found: Inspection) -> list[str]:
    rows = found.phases[0].opaque if found.phases else ()
    return [f"{row.count} x {row.operator}, {_size(row.bytes)} a call: {row.reason}" for row in rows]


def _problem(found: Inspection, command: str) -> list[str]:
    if found.missing:
        names = ", ".join(name for name, _ in found.missing)
        return [f"{_count(len(found.missing), 'dim')} to bind: {names}", *([f"  {command}"] if command else [])]
    if found.unresolved:
        return [
            f"{_count(len(found.unresolved), 'value')} without a shape",
            *(f"  {line}" for line in found.unresolved),
        ]
    return []


def _wrapped(text: str) -> list[str]:
    """The text in lines that fit beside a label; what it names stays whole."""
    return textwrap.wrap(text, WIDTH - INDENT - _LABEL, subsequent_indent="  ", break_on_hyphens=False)


def _labelled(label: str, lines: Sequence[str]) -> list[str]:
    room = WIDTH - INDENT - _LABEL
    return [f"{label if k == 0 else '':<{_LABEL}}{shorten(line, room, end=True)}" for k, line in enumerate(lines)]


def _table(head: Row, rows: Sequence[Row], right: Sequence[int] = ()) -> list[str]:
    """Columns as wide as their longest cell; the last one takes the rest of the line, a list up to two lines of it."""
    inner = len(head) - 1
    widths = [max(len(row[c]) for row in (head, *rows) if c < len(row)) for c in range(inner)]
    lines = []
    for row in (head, *rows):
        pairs = enumerate(zip(map(str, row), widths, strict=False))
        cells = [cell.rjust(wide) if c in right else cell.ljust(wide) for c, (cell, wide) in pairs]
        start = "  ".join([*cells, ""])
        last = row[inner] if len(row) > inner else ""
        room = WIDTH - INDENT - len(start)
        ends = [shorten(last, room, end=True)] if isinstance(last, str) else _in_two_lines(list(last), room)
        lines += [(before + end).rstrip() for before, end in zip((start, " " * len(start)), ends, strict=False)]
    return lines


def _in_two_lines(items: list[str], room: int) -> list[str]:
    """The items that fit in two lines, with dots for the others."""
    first = max(1, max((n for n in range(len(items) + 1) if len(", ".join(items[:n])) < room), default=1))
    if first >= len(items):
        return [shorten(", ".join(items), room)]
    return [shorten(", ".join(items[:first]), room - 1) + ",", listed(items[first:], room)]
