"""The kinds that installed packages register, beside the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mapper.errors import MapperError, did_you_mean
from mapper.hw import plugins
from mapper.ir.kind import Kind

NEEDED: dict[str, tuple[str, ...]] = {
    "matmul": ("batch", "m", "n", "k"),
    "conv": ("groups", "m", "n", "k"),
    "rnn": ("groups", "m", "n", "k", "steps"),
    "attention": ("batch", "heads", "kv_heads", "q", "kv", "pairs", "head_dim", "v_dim"),
    "norm": ("rows", "width", "elements", "flops"),
    "softmax": ("rows", "width", "elements", "flops"),
    "embedding": ("rows", "width", "elements"),
    "view": (),
}
"""Sizes that the Work of a built-in kind has; all kinds that are not listed have elements and flops."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Kinds of installed packages by name, their owners, who claims each operator, and what could not be loaded."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    broken: tuple[MapperError, ...] = ()

    def of_operator(self, operator: str, built_in: str = "") -> Kind | None:
        """The kind that stands for "domain::Type"; `built_in` is the kind that the mapper itself has for it, or ''.

        Two owners are an error that names both. An operator that nobody claims may be that of a broken package, which
        is an error too.
        """
        claims = self.claims.get(operator, ())
        if len(claims) + bool(built_in) > 1:
            own = [f"kind '{built_in}' of hetmap"] if built_in else []
            named = [*own, *(f"kind '{name}' of {self.owners[name]}" for name in claims)]
            raise MapperError(
                f"operator {operator} has {len(named)} owners: {' and '.join(named)}",
                hint="uninstall one of them, or take the operator out of its kind",
            )
        if claims:
            return self.kinds[claims[0]]
        if self.broken and not built_in:
            raise self.broken[0]
        return None

    def named(self, name: str) -> Kind | None:
        """The kind of that name; None if no package has it, an error if a broken one might."""
        if name not in self.kinds and self.broken:
            raise self.broken[0]
        return self.kinds.get(name)


def gather(built_in: Mapping[str, Kind]) -> Registry:
    """What all installed packages register in the group `mapper.kinds`; a built-in name is refused at once."""
    kinds: dict[str, Kind] = {}
    owners: dict[str, str] = {}
    claims: dict[str, tuple[str, ...]] = {}
    broken: list[MapperError] = []
    for name in plugins.names("kinds"):
        owner = plugins.owner_of("kinds", name)
        if name in built_in:
            raise MapperError(
                f"kind '{name}' is provided by hetmap and {owner}", hint=f"rename the kind of {owner}, or uninstall it"
            )
        try:
            kind = _checked(name, owner, plugins.load("kinds", name), built_in)
        except MapperError as error:
            broken.append(error)
            continue
        kinds[name], owners[name] = kind, owner
        for operator in kind.operators:
            key = operator.removeprefix("ai.onnx::").removeprefix("::")
            claims[key] = (*claims.get(key, ()), name)
    return Registry(kinds, owners, claims, tuple(broken))


def _checked(name: str, owner: str, found: object, built_in: Mapping[str, Kind]) -> Kind:
    if not isinstance(found, Kind):
        raise MapperError(f"kind '{name}' of {owner} is {found!r}, not a mapper.Kind", hint=f"repair {owner}")
    if found.name != name:
        raise MapperError(
            f"entry point '{name}' of {owner} offers kind '{found.name}'", hint="give entry point and kind one name"
        )
    if found.like and found.like not in built_in:
        raise MapperError(
            f"kind '{name}' of {owner} is priced like '{found.like}', which is no built-in kind",
            hint=did_you_mean(found.like, built_in),
        )
    return found


def check_sizes(kind: Kind, sizes: Mapping[str, int]) -> None:
    """Refuses a plug-in kind whose `dims` lack a size that its Work is priced by."""
    missing = [size for size in NEEDED.get(kind.like, ("elements", "flops")) if size not in sizes]
    if kind.like and missing:
        raise MapperError(
            f"kind '{kind.name}' is priced like {kind.like}, but its dims lack {', '.join(missing)}",
            details=[f"they have: {', '.join(sizes) or 'nothing'}"],
            hint="return every size of that kind's Work from `dims`",
        )
