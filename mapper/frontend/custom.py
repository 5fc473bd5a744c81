"""Operators that a plug-in kind stands for: their kind, output shapes and attributes."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.errors import MapperError, ModelError
from mapper.frontend.facts import Fact, Known, Node
from mapper.frontend.file.nodes import label
from mapper.frontend.naming import label_type
from mapper.frontend.vocabulary import kind_by_name
from mapper.hw.work import Role
from mapper.ir.graph import Attr, Op
from mapper.ir.kind import Kind, OpView
from mapper.ir.kinds import registry

Types = list[tuple[int, tuple[int, ...] | None]]
_PLAIN = (int, float, str)
_FLOATS = frozenset({1, 10, 11, 16})  # FLOAT, FLOAT16, DOUBLE, BFLOAT16


def custom_kind(node: Node) -> Kind | None:
    """The kind that an installed package registers for the node's operator; two owners of it are an error."""
    built_in = kind_by_name(node.op_type, node.domain)
    return registry().of_operator(label_type(node), "" if built_in == "opaque" else built_in)


def custom_attributes(node: Node, kind: Kind) -> tuple[tuple[str, Attr], ...]:
    """The node's attributes that the kind keeps; one that is neither number, text nor a list of them is refused."""
    found: list[tuple[str, Attr]] = []
    for name in kind.attributes:
        value = node.attr(name)
        if isinstance(value, list):
            value = tuple(v.decode(errors="replace") if isinstance(v, bytes) else v for v in value)
        if value is None:
            continue
        parts = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(part, _PLAIN) for part in parts):
            raise ModelError(
                f"{label(node)}: kind '{kind.name}' asks for attribute '{name}', which is no number or text"
            )
        found.append((name, value))
    return tuple(found)


def custom_types(node: Node, kind: Kind, inputs: Sequence[Fact | None]) -> Types:
    """Types of the outputs by the kind's own shape rule; their number type is that of the first float input.

    A ValueError of the rule says that the inputs do not fit; any other exception is a defect of the plug-in.
    """
    present = [f for f in inputs if f is not None and f.shape is not None]
    names = tuple(n for n, f in zip(node.inputs, inputs, strict=True) if f is not None)
    op = Op(node.name or node.op_type, kind.name, names, node.outputs, custom_attributes(node, kind))
    roles = tuple(Role.WEIGHT if f.known is Known.FILE else Role.ACTIVATION for f in present)
    view = OpView(op, tuple(f.shape or () for f in present), (), roles, {})
    try:
        shapes = kind.outputs(view)
    except ValueError:
        raise
    except Exception as problem:
        owner = registry().owners.get(kind.name, "an unnamed package")
        raise MapperError(
            f"{label(node)}: the shape rule of kind '{kind.name}' of {owner} failed: "
            f"{type(problem).__name__}: {problem}",
            details=[f"inputs {', '.join(str(list(f.shape or ())) for f in present) or 'none'}"],
            hint=f"repair {owner}",
        ) from problem
    elem = next((f.elem for f in present if f.elem in _FLOATS), present[0].elem if present else 1)
    return [(elem, tuple(shape)) for shape in shapes or ()]
