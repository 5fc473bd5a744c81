"""Rows of compute-in-memory chips and compilers: peaks and counts from the targets, a server of cards by compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from benchmarks.decoders import prepared
from benchmarks.facts.compiled import seconds_of_phases
from benchmarks.facts.rows import Answer, Fact, Kind, Uncovered
from benchmarks.macros import figure, priced
from mapper.cost.works import Types, product
from mapper.hw.library import find_target
from mapper.hw.load import load_target
from mapper.hw.provenance import sheets
from mapper.hw.work import DType, Work
from mapper.ir.op_work import work
from samples.models import cnn, decoder, sizes
from targets.models.cim_analog import CimAnalog
from targets.models.cim_base import CimUnit

EXACT, HERMES_BAR, NEURRAM_BAR, ISAAC_BAR, VENDOR_BAR = 1e-9, 0.02, 0.05, 0.01, 0.3
"""What the rows themselves allow."""

NEURRAM = (
    ("neurram", DType.I1, 2.12, 43.08),
    ("neurram", DType.I4, 0.744, 15.95),
    ("neurram-2phase", DType.I8, 0.264, 6.44),
)
"""Target, width of inputs, TOPS and TOPS/W (Wan et al., Nature 2022, via CiMLoop; the constants were fitted on other
widths). All other widths: docs/fidelity.md."""

ALBERT_WEIGHTS = 4 * 768 * 768 + 2 * 768 * 3072
"""Of the one layer that all twelve of ALBERT-base share (Lan et al., ICLR 2020): 7.1 M."""

USERS, CONTEXT = 60, 256
"""Requests at a time in the row of d-Matrix (60,000 tokens/s at 1 ms a token), and tokens before each new one, which
the row does not say."""

GROUPS = (1, 15)
"""In how many groups, one after the other in the pipeline, those requests go through the cards: from one batch of all
to as many as its stages take. The row does not say."""


def _unit(target: str) -> CimUnit:
    model = load_target(target).units[0].model
    assert isinstance(model, CimUnit)
    return model


def _full(target: str, inputs: DType) -> dict[str, float]:
    """TOPS and TOPS/W of products that fill every array."""
    machine, unit = load_target(target), _unit(target)
    weights = unit.computes.matmul.weights
    asked = product(64 * unit.arrays, unit.outputs(weights.bits), unit.rows, Types(inputs, inputs, weights, DType.I32))
    cost = priced(machine, machine.units[0], asked)
    return {metric: (figure(metric, asked, cost) or 0.0) / 1e12 for metric in ("TOPS", "TOPS/W")}


def _isaac(fact: Fact) -> Iterator[Answer | Uncovered]:
    if fact.columns["workload"] != "peak 16b":
        yield Uncovered("DaDianNao, whose multiple it is, is not in the library, nor are the nets of the suite")
        return
    found = _full("isaac-ce", DType.I16)
    area = next(s.area_mm2 for s in sheets(find_target("isaac-ce")) if s.area_mm2)
    found["TOPS/mm2"] = found["TOPS"] / area
    for published, (what, ours) in zip(fact.numbers, found.items(), strict=True):
        yield Answer(what, "isaac-ce", published, ours, "table of its parts", ISAAC_BAR)


def _hermes(fact: Fact) -> Iterator[Answer | Uncovered]:
    pairs = [tuple(map(float, phase.split(";"))) for phase in fact.columns["value"].split("|")]
    for target, published in zip(("ibm-hermes64", "ibm-hermes64-4phase"), pairs, strict=True):
        for value, (what, ours) in zip(published, _full(target, DType.I8).items(), strict=True):
            yield Answer(what, target, value, ours, "made from it: no check", HERMES_BAR, fitted=True)


def _neurram(fact: Fact) -> Iterator[Answer | Uncovered]:
    for target, inputs, *published in NEURRAM:
        for value, (metric, ours) in zip(published, _full(target, inputs).items(), strict=True):
            yield Answer(f"{metric}, {inputs} in", target, value, ours, "fitted on other widths", NEURRAM_BAR)


def _albert(fact: Fact) -> Iterator[Answer | Uncovered]:
    unit = _unit("ibm-34tile")
    cells = unit.columns // unit.outputs(unit.computes.matmul.weights.bits)
    yield Answer("devices, M", "ibm-34tile", 28.3, round(ALBERT_WEIGHTS * cells / 1e6, 1), "weights x cells", EXACT)
    types = Types(DType.I8, DType.I8, DType.I8, DType.I32)
    layer = [*[product(1, 768, 768, types)] * 4, product(1, 3072, 768, types), product(1, 768, 3072, types)]
    tiles = sum(unit.held(each).tiles for each in layer)
    how = "each matrix in tiles of its own; the chip lets halves share one"
    yield Answer("tiles, at most", "ibm-34tile", unit.arrays, tiles, how)


@cache
def _works(config: cnn.Cnn) -> tuple[Work, ...]:
    """What a network asks of an image."""
    plan = prepared(cnn.build(config), "puma", ["all: batch=1"])
    (binding,) = plan.phases[0].bindings()
    return tuple(work(plan.graph, op, binding) for op in plan.graph.ops)


def _crossbars() -> CimAnalog:
    """The arrays of PUMA as PIMCOMP counts them: a matrix of 128 x 128 weights."""
    unit = load_target("puma").unit["cim"].model
    assert isinstance(unit, CimAnalog)
    return unit.scaled(cell_bits=unit.computes.matmul.weights.bits)


def _products(config: cnn.Cnn) -> Sequence[Work]:
    return [each for each in _works(config) if each.kind in ("conv", "matmul")]


def counts(config: cnn.Cnn) -> tuple[int, int]:
    """Arrays that hold the network, and products of a vector and an array's rows that an image takes, columns side by
    side."""
    unit = _crossbars()
    held = [unit.held(each) for each in _products(config)]
    vectors = sum(times * m * -(-k // unit.rows) for each in held for times, m, _, k in each.products)
    return sum(each.tiles for each in held), vectors


def _arrays(fact: Fact) -> Iterator[Answer | Uncovered]:
    ours, _ = counts(cnn.VGG16)
    yield Answer("crossbars", "puma, logical", fact.numbers[0], ours, "vgg16 by the front end", EXACT)


def _vectors(fact: Fact) -> Iterator[Answer | Uncovered]:
    config = cnn.RESNET18 if fact.columns["workload"].startswith("ResNet18") else cnn.SQUEEZENET
    _, ours = counts(config)
    yield Answer("vector products", "puma, logical", fact.numbers[0], ours, f"{config.name} by the front end", EXACT)


def _server(fact: Fact) -> Iterator[Answer | Uncovered]:
    target, model = "d-matrix-corsair-x8", decoder.build(sizes.LLAMA3_8B)
    together, apart = (
        seconds_of_phases(model, target, [f"token: batch={USERS // groups} seq=1 past={CONTEXT - 1}"], effort="quick")[
            "token"
        ]
        for groups in GROUPS
    )
    how = f"compile, {USERS} users of {CONTEXT} tokens in one batch (to {GROUPS[1]} in turn)"
    per_s = (USERS / together, USERS / apart)
    yield Answer("tokens/s", target, fact.numbers[0], per_s[0], how, VENDOR_BAR, ends=per_s)
    yield Answer("token, s", target, fact.numbers[1] * 1e-3, together, how, VENDOR_BAR, ends=(together, apart))


RATIO = "a ratio between two compilers in their own simulator, whose machine is not described here"
REASONS = {
    "PIMCOMP HT ResNet18": "its simulator starts one product in 200 ns a core and prices nothing else; the least that "
    "allows, 184 us, is checked in tests/targets/test_cim_chips.py",
    "PIMCOMP LL ResNet18": "as PIMCOMP HT ResNet18: the time is that of its simulator's instructions",
    "pimsim-nn": "the configuration of its 64 cores is not in the facts",
    "PIMCOMP DAC23 Fig9": RATIO,
    "PIMCOMP TCAD Fig10 HT": RATIO,
    "PIMCOMP TCAD Fig12 LL": RATIO,
    **{f"PIMCOMP DAC23 Fig8 {net}": RATIO for net in ("vgg16", "resnet18", "googlenet", "inception-v3", "squeezenet")},
    "NeuroSim V1.4": "read times, buffers and cell bits of its VGG8 chip are not in the facts; by the generic energies "
    "of a process its 4-bit converters alone would take six times the energy",
    "HTVM on DIANA": "a speed-up over TVM on MLPerf Tiny: neither TVM's code nor the four nets are here",
    "Stream validation": "which layers ran on Jia 4x4 and DIANA is not in the facts, DepFiN is not in the library",
    "AIMC+RISC-V 512 clusters (Bruschi)": "the figures of its clusters are not in the facts",
    "MuITCIM": "a macro of a sparse multimodal transformer, whose sparsity and shape are not in the facts",
}


def _why(fact: Fact) -> Iterator[Uncovered]:
    yield Uncovered(REASONS[fact.name])


def _kind(name: str, answers: Callable[[Fact], Iterator[Answer | Uncovered]]) -> Kind:
    return Kind(frozenset({name}), answers)


CIM = (
    _kind("ISAAC", _isaac),
    _kind("HERMES 64-core", _hermes),
    _kind("NeuRRAM", _neurram),
    _kind("IBM 34-tile", _albert),
    _kind("PIMCOMP crossbar count", _arrays),
    _kind("PIMCOMP MVM count", _vectors),
    _kind("d-Matrix Corsair", _server),
    Kind(frozenset(REASONS), _why),
)
