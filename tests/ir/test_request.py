import pytest
from builders import tiny_target

from mapper.errors import MapperError
from mapper.hw.work import DType, Role
from mapper.ir.goal import Objective
from mapper.ir.graph import Graph, Phase, State, Value
from mapper.ir.plan import Plan
from mapper.ir.request import Runs, decoding, runs

GRAPH = Graph(
    "model",
    (),
    (
        Value("ids", ("batch", "seq"), DType.I64, Role.INPUT),
        Value("past", ("batch", 2, "past", 4), DType.F16, Role.STATE),
        Value("present", ("batch", 2, "total", 4), DType.F16, Role.STATE),
    ),
    (State("past", "present"),),
)


def phase(name: str, seq: int, past: int, calls: int = 1) -> Phase:
    sizes = {"batch": 3, "seq": seq, "past": past, "total": seq + past}
    return Phase(name, (), calls, tuple((n, (size,)) for n, size in sizes.items()))


PREFILL, CHUNK, DECODE = phase("prefill", 64, 0), phase("chunk", 64, 64, 3), phase("decode", 1, 256, 9)


def plan(*phases: Phase) -> Plan:
    return Plan(tiny_target(), GRAPH, phases)


def test_a_later_token_comes_from_the_phase_that_reads_a_cache() -> None:
    assert decoding(plan(PREFILL, DECODE)) == (False, True)
    assert runs(plan(PREFILL, DECODE), Objective.TTFT) == Runs((1, 0))
    assert runs(plan(PREFILL, DECODE), Objective.TPOT) == Runs((0, 9), 9)
    assert runs(plan(PREFILL, DECODE), Objective.LATENCY) == Runs((1, 9))


def test_a_chunk_of_the_prompt_leads_to_the_first_token() -> None:
    phases = (PREFILL, CHUNK, DECODE)
    assert runs(plan(*phases), Objective.TTFT) == Runs((1, 3, 0))
    assert runs(plan(*phases), Objective.TPOT) == Runs((0, 0, 9), 9)


def test_tokens_that_a_call_makes_together_share_its_time() -> None:
    assert runs(plan(phase("draft", 4, 128, 5)), Objective.TPOT) == Runs((5,), 20)


def test_the_first_token_without_a_prefill_takes_one_call() -> None:
    assert runs(plan(DECODE), Objective.TTFT) == Runs((1,))


def test_without_a_cache_there_is_one_time_and_no_later_token() -> None:
    assert runs(plan(PREFILL), Objective.TTFT) == Runs((1,))
    with pytest.raises(MapperError) as error:
        runs(plan(PREFILL), Objective.TPOT)
    assert "reads a cache" in str(error.value)
    assert "--phase" in str(error.value)
