"""What a kind of op is: its name, the sizes of its `Work`, its shape rule, and the ONNX operators it stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mapper.errors import InvalidPlan
from mapper.hw.work import Role
from mapper.ir.graph import Binding, Op, Shape

Shapes = Sequence[Shape]
Dims = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class OpView:
    """One op with its shapes in numbers, as the rules of its kind see it; omitted optional inputs are left out."""

    op: Op
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    input_roles: tuple[Role, ...]
    binding: Binding

    def size(self, name: str, default: int = 1) -> int:
        """An attribute that is a number or the name of a symbolic dim."""
        found = self.op.attr(name, default)
        if isinstance(found, str):
            return self.binding[found]
        if isinstance(found, int):
            return found
        raise InvalidPlan(f"op '{self.op.name}': attribute '{name}' is {found!r}, not a size", rule="graph-attributes")


def stated_shapes(view: OpView) -> Shapes | None:
    """The shape rule of an op whose output shapes are its own data: nothing follows from the inputs."""
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """One word of the vocabulary.

    dims: the sizes of the Work. outputs: the shapes that the input shapes imply for the outputs, or None where they are
    the op's own data. conserves: "elements" where first input and first output hold equally many.

    For a plug-in: like names the built-in kind whose Work `dims` makes, so that every unit model can price it; without
    one only unit models that know the kind, and processors, take it. operators: what it stands for in a file, as
    "domain::Type". attributes: those of the node that the op keeps, by name.
    """

    name: str
    about: str
    dims: Callable[[OpView], Dims]
    outputs: Callable[[OpView], Shapes | None] = stated_shapes
    conserves: str = ""
    like: str = ""
    operators: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    @property
    def priced_as(self) -> str:
        """The kind of its Work."""
        return self.like or self.name
