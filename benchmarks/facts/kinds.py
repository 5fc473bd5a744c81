"""The kinds of rows of published end-to-end figures; a further kind is a file beside this one, and an entry here."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.facts import cim, compiled, requests, servers, uncovered
from benchmarks.facts.rows import Answer, Fact, Kind, Uncovered
from mapper.errors import MapperError

KINDS: tuple[Kind, ...] = (
    requests.REQUESTS,
    requests.SEED,
    servers.TRT,
    servers.MLPERF,
    compiled.LAYER,
    compiled.FORWARD,
    compiled.THIRTEEN,
    compiled.ENCODER_ON_CPUS,
    compiled.DECODER_ON_CPUS,
    compiled.GROQ_70B,
    compiled.GROQ_MIXTRAL,
    uncovered.UNCOVERED,
    *cim.CIM,
)


def answered(fact: Fact) -> Iterator[Answer | Uncovered]:
    """The answers to a row, by the first kind that takes it."""
    kind = next((kind for kind in KINDS if fact.name in kind.names), None)
    if kind is None:
        yield Uncovered("nothing here takes this row")
        return
    try:
        yield from kind.answers(fact)
    except MapperError as error:
        yield Uncovered(error.message)
