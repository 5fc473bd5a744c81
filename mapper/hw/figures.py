"""The numbers inside a unit model: where each one stands, by its keys, and the model with one of them changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from mapper.hw.work import DType, UnitModel

_TYPES = frozenset(t.value for t in DType)

_ENDS = {"_bytes_per_s": "B/s", "_ops_per_s": "op/s", "_bytes": "B", "_pj_per_bit": "pJ/bit", "_pj_per_op": "pJ/op",
         "_pj_per_mac": "pJ/MAC", "_hz": "Hz", "_s": "s", "_mm2": "mm2",
         "_w": "W", "_v": "V", "_nm": "nm", "_pj": "pJ", "_cycles": "cycles", "_bits": "bit"}  # fmt: skip
"""Units of measure by how a key ends, the longest ending first."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a unit model. path: its keys, outermost first. value: of a table by number type the largest entry.
    fitted: it is a constant of a cost model that was fitted to measurements, nothing that a builder chooses."""

    path: tuple[str, ...]
    value: float
    whole: bool = False
    table: bool = False
    fitted: bool = False

    @property
    def key(self) -> str:
        """The keys as one, as in 'energy_pj.adc_conversion'."""
        return ".".join(self.path)


def figures(model: UnitModel) -> tuple[Figure, ...]:
    """Every number of the model, in the order of its fields; a table by number type stands before its entries."""
    return tuple(_figures(model, (), fitted=False))


def _figures(block: BaseModel, path: tuple[str, ...], fitted: bool) -> Iterator[Figure]:
    for name in type(block).model_fields:
        value = getattr(block, name)
        here = (*path, name)
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            yield Figure(here, float(value), isinstance(value, int), fitted=fitted)
        elif isinstance(value, BaseModel):
            inner = fitted or bool(getattr(type(value), "fitted", False))
            if set(type(value).model_fields) <= _TYPES:
                yield Figure(here, _largest(value), table=True, fitted=inner)
            yield from _figures(value, here, inner)


def _largest(table: BaseModel) -> float:
    return max((float(v) for v in table.model_dump().values() if isinstance(v, int | float)), default=0.0)


def with_figure(model: UnitModel, path: Sequence[str], value: float, factor: float | None = None) -> UnitModel:
    """The model with the number at a path changed to a value; each entry of a table there times a factor. Raises
    pydantic's ValidationError where the model refuses it."""
    return model.scaled(**{path[0]: _changed(getattr(model, path[0]), path[1:], value, factor)})


def _changed(found: Any, path: Sequence[str], value: float, factor: float | None) -> Any:
    if path:
        return {**found.model_dump(), path[0]: _changed(getattr(found, path[0]), path[1:], value, factor)}
    if isinstance(found, BaseModel) and factor is not None:
        return {k: v * factor if isinstance(v, int | float) else v for k, v in found.model_dump().items()}
    return int(value) if isinstance(found, int) and value == int(value) else value


def unit_of_measure(path: Sequence[str]) -> str:
    """The unit of measure that a key tells, the innermost key first; '' where none does."""
    for key in reversed(path):
        for end, unit in _ENDS.items():
            if f"_{key}".endswith(end):
                return unit
    return ""


def matching(keys: Mapping[str, object] | Sequence[str], wanted: str) -> list[str]:
    """The keys that a word may stand for: the key itself, else those that begin with it, else those whose innermost
    part does."""
    if wanted in keys:
        return [wanted]
    starts = [k for k in keys if k.startswith(wanted)]
    shallow = [k for k in starts if k.count(".") == min(s.count(".") for s in starts)]
    return shallow or [k for k in keys if k.rpartition(".")[2].startswith(wanted)]
