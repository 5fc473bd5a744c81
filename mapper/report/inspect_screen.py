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
        _labelled("opaque", _opaque(found)),
        _labelled("note", [line for warning in found.warnings for line in _wrapped(warning)]),
        _problem(found, command),
    ]
    return "\n\n".join("\n".join(f"{'':<{INDENT}}{line}".rstrip() for line in lines) for lines in blocks if lines)


def _headline(found: Inspection) -> str:
    words = [f"opset {found.opset}" if found.opset else "no ai.onnx opset"]
    words.append(_count(found.nodes, "node") + (f" -> {_count(found.ops, 'op')}" if found.ops is not None else ""))
    size = f", {si(found.weight_bytes, 'B')}" if found.weight_bytes is not None else ""
    words.append(f"{_parameters(found)}{size}")
    if found.seconds:
        words.append(f"{found.seconds:.1f} s")
    rest = " · ".join(["", *words])
    return shorten(found.model, max(8, WIDTH - INDENT - len(rest))) + rest


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
            v.name, str(v.calls), si(v.total.macs), si(v.total.weight_bytes, "B"), si(v.total.activation_bytes, "B"),
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


def _bytes(size: int) -> str:
    return si(size, "B") if size else ""


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
        phases = [f"{_range(p.sizes)} {_how(p.how, len(p.sizes) > 1)}".strip() for p in dim.phases]
        where = dim.inputs[0] + (f" and {len(dim.inputs) - 1} more" if len(dim.inputs) > 1 else "")
        rows.append([dim.name, dim.role or "-", *phases, shorten(", ".join(own), 34), shorten(where, 34)])
    if len(dims) > _SHOWN_DIMS:
        rows.append([f"... and {len(dims) - _SHOWN_DIMS} more"])
    names = [p.phase for p in dims[0].phases] if dims else []
    return _table(["dim", "role", *names, "in the file", "where"], rows) if rows else []


def _range(sizes: Sequence[int]) -> str:
    return "" if not sizes else str(sizes[0]) if len(sizes) == 1 else f"{min(sizes)}..{max(sizes)}"


def _how(reason: str, several: bool) -> str:
    """The reason in short; for a range of sizes without the numbers of its first sample."""
    return shorten(re.sub(r"(?<=[A-Za-z_)]) \d+\b", "", reason) if several else reason, 40)


def _expected(found: Inspection) -> list[str]:
    rows = [[e.name, e.value, "set" if e.given else f"default: {e.default}", e.about] for e in found.expectations]
    return _table(["depends on data", "taken as", "why", "what it is"], rows) if rows else []


def _states(found: Inspection) -> list[str]:
    lines = []
    for state in found.states:
        kept = ", ".join(
            f"{si(size, 'B')}{f' after {name}' if len(state.bytes) > 1 else ''}" for name, size in state.bytes
        )
        grows = f"{si(state.token_bytes, 'B')} a token" if state.token_bytes else "does not grow"
        lines.append(f"{state.count} x {_shape(state.shape)} {state.dtype.value}: {kept} a request, {grows}")
        lines.append(f"    {_pair(state)}")
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
        weights = f", {si(block.amount.weight_bytes, 'B')} of weights" if block.amount.weight_bytes else ""
        start = f"{block.times} x {_count(block.ops, 'op')}{macs}{weights}: "
        lines.append(start + listed(list(block.details), WIDTH - INDENT - _LABEL - len(start)))
    return lines


def _opaque(found: Inspection) -> list[str]:
    rows = found.phases[0].opaque if found.phases else ()
    return [f"{row.count} x {row.operator}, {si(row.bytes, 'B')} a call: {row.reason}" for row in rows]


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
    """Columns as wide as their longest cell; the last one takes the rest of the line, a list as much of it as fits."""
    inner = len(head) - 1
    widths = [max(len(row[c]) for row in (head, *rows) if c < len(row)) for c in range(inner)]
    lines = []
    for row in (head, *rows):
        pairs = enumerate(zip(map(str, row), widths, strict=False))
        cells = [cell.rjust(wide) if c in right else cell.ljust(wide) for c, (cell, wide) in pairs]
        start = "  ".join([*cells, ""])
        last = row[inner] if len(row) > inner else ""
        room = WIDTH - INDENT - len(start)
        end = shorten(last, room, end=True) if isinstance(last, str) else listed(list(last), room) if last else ""
        lines.append((start + end).rstrip())
    return lines
