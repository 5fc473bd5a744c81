"""What is measured: graphs of one op each, in shapes from a decoder's single row to a full prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mapper.cost.works import Types, attention, copy, function, over_rows, product
from mapper.hw.work import DType, Role, Work


@dataclass(frozen=True, slots=True)
class Sample:
    """One op with its shape. `family` names the constants that it helps to fit, `held_out` the side of the split;
    `copies` nodes of it make a graph, so that weights come from where they lie in a model that is larger than the
    caches."""

    family: str
    op: str
    sizes: tuple[int, ...]
    work: Work
    copies: int
    held_out: bool


ONE_IN = 3
"""One shape in so many is held out of the fit."""

MOST_COPIES = 96
MOST_OPERATIONS = 3e9
"""Operations in one run of a graph: what keeps all of them within three minutes on two cores."""

LEAST_COPIES = 2
MOST_EQUAL = 8
"""Nodes of a graph whose weights are no question."""

MOST_BYTES = 2**27
"""Bytes of such a graph."""

F32, I8 = Types.all(DType.F32), Types(DType.I8, DType.I8, DType.I8, DType.I32)

ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 384, 1024)
WEIGHTS = ((768, 768), (768, 3072), (3072, 768), (1024, 1024), (2048, 2048), (1024, 4096), (4096, 1024), (320, 1280))
"""k and n of weights as transformers of up to two billion parameters have them."""

SQUARES = (32, 64, 128, 256, 512, 1024)
BATCHED = ((12, 128, 128, 64), (12, 128, 64, 128), (12, 384, 384, 64), (16, 64, 512, 64), (8, 1, 512, 64),
           (12, 256, 256, 64), (32, 1, 64, 1024), (16, 512, 512, 64), (4, 100, 100, 32))  # fmt: skip
"""batch, m, n and k of products whose sides both change."""

PROMPTS = ((1, 12, 64, 64), (1, 12, 128, 64), (1, 12, 384, 64), (1, 12, 512, 64), (4, 12, 128, 64), (1, 16, 256, 64),
           (1, 8, 1024, 64), (1, 32, 256, 128), (2, 16, 384, 80), (1, 6, 100, 64), (1, 16, 700, 128), (8, 12, 64, 64),
           )  # fmt: skip
"""batch, heads, positions and head size."""

CACHES = ((1, 12, 128, 64), (1, 12, 512, 64), (1, 12, 64, 64), (1, 12, 1024, 64), (4, 12, 512, 64), (1, 16, 200, 64),
          (1, 16, 2048, 64), (1, 32, 1024, 128), (1, 8, 300, 64), (8, 16, 256, 64), (2, 32, 512, 128), (1, 12, 256, 64),
          (16, 12, 700, 64), (1, 32, 2048, 128))  # fmt: skip
"""batch, heads, cached positions and head size."""

PLANES = ((1, 768), (1, 8192), (16, 768), (32, 1024), (64, 768), (64, 4096), (128, 768), (128, 1280), (128, 3072),
          (197, 768), (256, 768), (300, 512), (384, 1024), (384, 3072), (512, 3072), (512, 4096), (1024, 768),
          (1024, 4096), (2048, 1024))  # fmt: skip
"""Rows and width of what is normalised, exponentiated, activated, added and transposed."""

TABLES = ((1, 768), (16, 768), (128, 768), (512, 1024), (2048, 512), (64, 4096), (300, 320))
"""Rows picked and their width."""


def samples(cache_bytes: int) -> list[Sample]:
    """Everything that is measured; weights in so many copies that they do not stay in the cache."""
    found = [*_products("f32", F32, cache_bytes), *_products("i8", I8, cache_bytes)]
    found += [_sample("batched", "batched", s, _batched(*s)) for s in BATCHED]
    found += [_sample("attention", "attention", s, _prompt(*s)) for s in PROMPTS]
    found += [_cold("decode", s, _decode(*s), cache_bytes) for s in CACHES]
    for plane in PLANES:
        found += _over(plane)
    found += [_sample("embedding", "embedding", s, over_rows("embedding", *s, F32)) for s in TABLES]
    return _split(found)


def _products(family: str, types: Types, cache_bytes: int) -> Iterator[Sample]:
    shapes = [(m, n, k) for i, (k, n) in enumerate(WEIGHTS) for m in ROWS[i % 2 :: 2]]
    shapes += [(s, s, s) for s in SQUARES] + [(1, 16384, 768), (7, 500, 900), (100, 1000, 600), (197, 768, 768)]
    for m, n, k in shapes if family == "f32" else shapes[::2]:
        yield _cold(family, (m, n, k), product(m, n, k, types), cache_bytes, f"product {family}")


def _cold(family: str, sizes: tuple[int, ...], work: Work, cache_bytes: int, op: str = "") -> Sample:
    """A sample in so many copies that weights and states are gone from the cache when their turn comes again."""
    copies = min(MOST_COPIES, max(LEAST_COPIES, round(1.5 * cache_bytes / work.bytes(Role.WEIGHT, Role.STATE))))
    return Sample(family, op or family, sizes, work, max(1, min(copies, int(MOST_OPERATIONS / work.flops))), False)


def _batched(batch: int, m: int, n: int, k: int) -> Work:
    return product(m, n, k, F32, batch=batch, dynamic=True)


def _over(plane: tuple[int, int]) -> Iterator[Sample]:
    rows, width = plane
    yield _sample("norm", "norm", plane, over_rows("norm", rows, width, F32, "layer"))
    yield _sample("softmax", "softmax", plane, over_rows("softmax", rows, width, F32))
    for name in ("gelu", "add", "tanh", "mul"):
        yield _sample(name, "elementwise", plane, function(name, rows * width, F32, rows=rows))
    yield _sample("move", "move", plane, copy("move", rows * width, F32))


def _prompt(batch: int, heads: int, seq: int, width: int) -> Work:
    return attention(batch=batch, heads=heads, kv_heads=heads, q=seq, kv=seq, head_dim=width, types=F32)


def _decode(batch: int, heads: int, past: int, width: int) -> Work:
    return attention(batch=batch, heads=heads, kv_heads=heads, q=1, kv=past + 1, head_dim=width, types=F32)


def _sample(family: str, op: str, sizes: tuple[int, ...], work: Work) -> Sample:
    most = max(1, min(MOST_EQUAL, MOST_BYTES // work.bytes()))
    most = 1 if family == "embedding" else most
    return Sample(family, op, sizes, work, int(max(1, min(most, MOST_OPERATIONS / max(work.flops, 1)))), False)


def _split(found: list[Sample]) -> list[Sample]:
    """Every third shape of each family is held out, the same for all ops over it."""
    seen: Counter[str] = Counter()
    result = []
    for sample in found:
        seen[sample.family] += 1
        result.append(replace(sample, held_out=seen[sample.family] % ONE_IN == 0))
    return result
