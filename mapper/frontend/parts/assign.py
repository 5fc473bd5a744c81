"""Which file each phase runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mapper.errors import UsageError, did_you_mean
from mapper.frontend.phases import PhaseSpec


@dataclass(frozen=True, slots=True)
class Share:
    """One file and the phases that run it. label: what its names begin with where there are several files."""

    path: Path
    label: str
    specs: tuple[PhaseSpec, ...]


def assign(models: Sequence[Path], specs: Sequence[PhaseSpec], mix: Mapping[str, int]) -> tuple[Share, ...]:
    """The files with their phases, in the order of their first phase.

    A phase names its file after an @, by the path, name or stem of one of `models` or by a path of its own; without,
    it runs the only model, or the one whose stem it is called by, or is part of. mix: runs of each model per request;
    its models without a phase run once as they are. Raises UsageError for a phase without a file, a file without a
    phase, a file given twice and a mix of models that are not there.
    """
    files = list(dict.fromkeys([*models, *(Path(s.file) for s in specs if s.file and _named(models, s.file) is None)]))
    if not files:
        raise UsageError(
            "no model", hint='name an ONNX file, or one in each phase: --phase "prefill@FILE.onnx: seq=512"'
        )
    for path in models:
        if models.count(path) > 1:
            label = path.name.removesuffix(".onnx")
            raise UsageError(f"{path} is given twice", hint=f"--mix {label}=2 runs it twice per request")
    labels = _labels(files)
    times = _times(files, labels, mix)
    owner = [_file_of(files, labels, spec) for spec in specs]
    shares = []
    for i, path in enumerate(files):
        mine = [replace(spec, file="") for spec, k in zip(specs, owner, strict=True) if k == i]
        if not mine and specs and not mix:
            raise UsageError(
                f"{path.name} is given, but no phase runs it",
                hint=f'add --phase "NAME@{path.name}: ..." or leave the file out',
            )
        mine = mine or [PhaseSpec(labels[i] if len(files) > 1 else "run", calls=1)]
        shares.append(Share(path, labels[i], tuple(_often(spec, times.get(i, 1)) for spec in mine)))
    first = {i: next((k for k, o in enumerate(owner) if o == i), len(owner)) for i in range(len(files))}
    return tuple(shares[i] for i in sorted(first, key=lambda i: (first[i], i)))


def _often(spec: PhaseSpec, times: int) -> PhaseSpec:
    return spec if times == 1 else replace(spec, calls=spec.calls_or_length * times)


def _labels(files: Sequence[Path]) -> list[str]:
    """The files' stems; files of one stem are numbered."""
    stems = [path.name.removesuffix(".onnx") for path in files]
    return [f"{s}-{stems[:i].count(s) + 1}" if stems.count(s) > 1 else s for i, s in enumerate(stems)]


def _named(files: Sequence[Path], text: str) -> int | None:
    """The file that a text names: by its path, its name or its stem."""
    for words in (str, lambda p: p.name, lambda p: p.name.removesuffix(".onnx")):
        hits = [i for i, path in enumerate(files) if words(path) == text]
        if len(hits) == 1:
            return hits[0]
    return None


def _file_of(files: Sequence[Path], labels: Sequence[str], spec: PhaseSpec) -> int:
    if spec.file:
        found = _named(files, spec.file)
        assert found is not None, "a file of its own is among the files"
        return found
    if len(files) == 1:
        return 0
    for hits in (
        [i for i, x in enumerate(labels) if x == spec.name],
        [i for i, x in enumerate(labels) if spec.name in x],
    ):
        if len(hits) == 1:
            return hits[0]
    names = ", ".join(path.name for path in files)
    raise UsageError(
        f"phase '{spec.name}' does not say which of {names} it runs",
        hint=f'write --phase "{spec.name}@{files[0].name}: ..."',
    )


def _times(files: Sequence[Path], labels: Sequence[str], mix: Mapping[str, int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for name, times in mix.items():
        i = labels.index(name) if name in labels else _named(files, name)
        if i is None:
            raise UsageError(f"--mix {name}={times}: no such model; {did_you_mean(name, labels)}")
        if times < 1:
            raise UsageError(f"--mix {name}={times}: a model of a mix runs at least once per request")
        found[i] = times
    return found
