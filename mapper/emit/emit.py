"""`emit`: a plan and its model files become a folder of ONNX pieces with a manifest."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from mapper.emit.counting import Counted, uncounted
from mapper.emit.data_files import CopiedFiles, DataFiles, ReferredFiles
from mapper.emit.emission import Emission
from mapper.emit.files import staged_folder
from mapper.emit.filling import Filling
from mapper.emit.manifest import NAME, FileLine, Manifest, PhasePart, UnitLine, digest_of, sealed, to_json
from mapper.emit.placing import earlier, put_emission
from mapper.emit.speeds import at_speeds, probe_seconds
from mapper.emit.weights import Weights
from mapper.errors import MapperError
from mapper.frontend.anatomy import Anatomy, anatomies
from mapper.frontend.parts.load import digest_together
from mapper.hw.target import Unit
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.plan import Plan

WeightsKind = Literal["copy", "reference"]
COPY: Literal["copy"] = "copy"

HASHED_BYTES = 1 << 30
"""Files up to this size have a digest in the manifest; larger ones (weights) their size alone."""


@dataclass(frozen=True)
class Emitted:
    """What was written. without_numbers: data files that the models refer to and that are not there, each with how
    many weights lie in it; such pieces can be read, but not run. weight_bytes: of data beside the models, what was
    copied. referred: data files that pieces read where they are."""

    manifest: Manifest
    without_numbers: Mapping[Path, int]
    weight_bytes: int = 0
    referred: tuple[Path, ...] = ()


def emit(
    plan: Plan,
    models: Sequence[str | Path],
    out: str | Path,
    *,
    random_weights: int | None = None,
    weights: WeightsKind = COPY,
    count: Counted = uncounted,
) -> Emitted:
    """Write the pieces of a finished plan below `out`, all or none.

    models: the files that the plan was compiled from. random_weights: a seed, to make up the numbers of weights that
    are not there; whole models on the same numbers are then written too. weights: whether data beside the models is
    copied below `out`, as far as pieces read it, or read where it is. count is told how far it is. Raises
    MapperError for an unfinished plan, for files that are not those of the plan, and for an `out` that is a model's own
    folder (copy), that does not hold the models' data (reference), or that has files that would be overwritten; an
    earlier emission there is replaced.
    """
    files = [Path(m) for m in models]
    if weights == COPY:
        _check_apart(Path(out), files)
    if plan.figures is None or plan.schedule is None:
        raise MapperError("the plan is not finished: nothing to emit", hint="run the rest of the pipeline: mapper opt")
    count("reading the model", 0, 0)
    found = anatomies(files, plan.phases, numbers_of(plan, "expect"))
    check_same(plan, found)
    earlier(Path(out))
    kept = {path.resolve() for path in files}
    with staged_folder(Path(out), partial(put_emission, kept=kept)) as folder:
        filling = None if random_weights is None else Filling(random_weights)
        data: DataFiles = CopiedFiles(folder) if weights == COPY else ReferredFiles(Path(out))
        emission = Emission(plan, found, folder, Weights(folder, filling, data), count=count)
        phases = tuple(emission.phase(phase) for phase in plan.phases)
        count("weights", 0, 0)
        whole = () if filling is None else tuple(emission.whole(k, a) for k, a in enumerate(found))
        weight_bytes = emission.weights.finish()
        count("checksums", 0, 0)
        written = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        kept.update(path.resolve() for path in data.places)
        manifest = sealed(
            Manifest(
                model=dict(plan.source).get("model", plan.graph.name),
                sha256=dict(plan.source).get("sha256", ""),
                target=plan.target.name,
                about=plan.target.about,
                tool=f"hetmap {importlib.metadata.version('hetmap')}",
                units=tuple(_unit(plan.target.unit[name]) for name in _units(phases)),
                phases=phases,
                handed=plan.graph.handed,
                inflight=plan.inflight or 1,
                interval_s=dict(plan.figures).get("interval_ticks", 0) / TICKS_PER_SECOND,
                probe_s=probe_seconds(plan.target),
                speeds=at_speeds(plan, emission.programs),
                moved=tuple(emission.moved),
                whole=whole,
                files=tuple(_lines(written, data.referred())),
            )
        )
        (folder / NAME).write_text(to_json(manifest), encoding="utf-8")
    missing = {path: len(names) for path, names in emission.weights.missing.items()}
    return Emitted(manifest, missing, weight_bytes, tuple(data.referred().values()))


def check_same(plan: Plan, found: Sequence[Anatomy]) -> None:
    """The files are those that the plan was compiled from."""
    recorded = dict(plan.source).get("sha256", "")
    given = digest_together([a.walked.source.digest for a in found])
    if recorded and recorded != given:
        names = ", ".join(str(a.path) for a in found)
        raise MapperError(
            f"{names}: not what the plan was compiled from (sha256 {given[:12]}, the plan says {recorded[:12]})",
            hint="compile it again, or give the file that it was compiled from",
        )


def _check_apart(out: Path, models: Sequence[Path]) -> None:
    """Pieces and their weights never overwrite a model or the data beside it."""
    for model in models:
        if out.resolve() in (model.absolute().parent.resolve(), model.resolve().parent):
            raise MapperError(
                f"{out} is the folder of {model}; pieces are not written beside their model",
                hint="give a folder of its own with --out",
            )


_SETTING = re.compile(r"(.+?)=(-?\d+)(?: |$)", re.DOTALL)


def numbers_of(plan: Plan, key: str) -> dict[str, int]:
    """Settings that the plan's record names: NAME=NUMBER with spaces between. Raises MapperError for others."""
    text = dict(plan.source).get(key, "")
    found = list(_SETTING.finditer(text))
    if "".join(match[0] for match in found) != text:
        raise MapperError(f"the plan's record says {key} '{text}', not NAME=NUMBER", hint="compile the model again")
    return {match[1]: int(match[2]) for match in found}


def _units(phases: Sequence[PhasePart]) -> list[str]:
    return list(dict.fromkeys(step.unit for part in phases for step in part.steps))


def _unit(unit: Unit) -> UnitLine:
    members = unit.team.members if unit.team else ()
    return UnitLine(name=unit.name, kind=unit.kind, family=unit.model_name, ranks=unit.ranks, members=members)


def _lines(written: Mapping[str, Path], referred: Mapping[str, Path]) -> Iterator[FileLine]:
    for name, path in sorted({**written, **referred}.items()):
        size = path.stat().st_size
        digest = digest_of(path) if size <= HASHED_BYTES else ""
        yield FileLine(path=name, bytes=size, sha256=digest, given=name in referred)
