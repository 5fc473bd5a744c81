"""From several files and their phases to one graph."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mapper.errors import ModelError, UsageError, did_you_mean
from mapper.frontend.dims.binding import is_known
from mapper.frontend.dims.dims import Dims
from mapper.frontend.expect import Expectations
from mapper.frontend.file.containers import open_containers
from mapper.frontend.file.ranks import state_ranks
from mapper.frontend.file.read import read
from mapper.frontend.load import Imported, check_names, load_file, load_model
from mapper.frontend.parts.assign import Share, assign
from mapper.frontend.parts.content import digests
from mapper.frontend.parts.links import Part
from mapper.frontend.parts.merge import links_of, merge
from mapper.frontend.pasts import check_pasts
from mapper.frontend.phases import PhaseSpec


@dataclass(frozen=True)
class Together:
    """How several files make a request. mix: runs of each model per request, where the files are models of their own;
    None where they are parts of one request. connect: results and the inputs of later files that receive them."""

    mix: Mapping[str, int] | None = None
    connect: tuple[tuple[str, str], ...] = ()
    dims: Mapping[str, int] = field(default_factory=dict)
    expect: Mapping[str, int] = field(default_factory=dict)


def load_models(models: Sequence[str | Path], specs: Sequence[PhaseSpec], how: Together) -> Imported:
    """The graph of one or several ONNX files and all phases in the order given; one file is as `load_model` reads it.

    Several files without phases are a mix, each run once or as often as the mix says. Raises ModelError for files and
    bindings that cannot be mapped or do not fit together, UsageError for phases without files and the reverse.
    """
    mix = {} if how.mix is None and not specs and len(models) > 1 else how.mix
    shares = assign([Path(m) for m in models], specs, mix or {})
    if len(shares) == 1:
        for made, taken in how.connect:
            raise UsageError(
                f"--connect {made}={taken}: {shares[0].path.name} is the only file, nothing hands on results to it",
                hint='name the other file, as in --phase "NAME@FILE.onnx: ..."',
            )
        alone = load_model(shares[0].path, shares[0].specs if specs or mix else (), how.dims, how.expect)
        check_pasts(alone.graph, alone.phases)
        return alone
    check_names([spec for share in shares for spec in share.specs])
    for share in shares:
        if not share.path.exists():
            names = ", ".join(f"'{spec.name}'" for spec in share.specs)
            raise ModelError(
                f"cannot read {share.path}: no such file, but phase {names} runs it", hint="check the path"
            )
    found = _load(shares, how)
    parts = [Part(s.label, i.graph, i.phases, s.path.name) for s, i in zip(shares, found, strict=True)]
    held = [digests(share.path) for share in shares]
    merged = merge(parts, links_of(parts, held, how.connect, one_request=mix is None))
    order = {spec.name: k for k, spec in enumerate(specs)}
    phases = tuple(sorted(merged.phases, key=lambda p: order.get(p.name, len(order))))
    own = tuple(f"{s.path.name}: {w}" for s, i in zip(shares, found, strict=True) for w in i.warnings)
    return Imported(
        merged.graph,
        phases,
        (*merged.warnings, *own),
        digest_together([i.digest for i in found]),
        max(i.opset for i in found),
        sum(i.seconds for i in found),
        tuple(e for i in found for e in i.expectations),
    )


def digest_together(digests: Sequence[str]) -> str:
    """The digest of several files, in the order of their first phases; of one file its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _load(shares: Sequence[Share], how: Together) -> list[Imported]:
    """The files; a dim or an expected value that only some of them know goes to these."""
    known = [_known(share.path, how.dims) for share in shares]
    nowhere = set(how.dims).difference(*known)
    found, used = [], set[str]()
    for share, names in zip(shares, known, strict=True):
        dims = {n: size for n, size in how.dims.items() if n in names or n in nowhere}
        imported, expectations = load_file(share.path, share.specs, dims, how.expect)
        check_pasts(imported.graph, imported.phases)
        found.append(imported)
        used |= {e.name for e in expectations.found()}
    unused = sorted(set(how.expect) - used)
    if unused:
        hint = did_you_mean(unused[0], used, otherwise="what depends on data here")
        raise UsageError(f"--expect {unused[0]}: nothing in these models that depends on data has this name; {hint}")
    return found


def _known(path: Path, dims: Mapping[str, int]) -> set[str]:
    """Those of these dims that the file has."""
    if not dims:
        return set()
    source, expectations = read(path), Expectations({})
    open_containers(source, expectations)
    state_ranks(source, expectations)
    open_dims = Dims.of(source)
    return {name for name in dims if is_known(open_dims, name)}
