from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from folders import Folder, Node, phase, tensor
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.emit.manifest import InputLine
from mapper.runtime.inputs import made_up
from mapper.runtime.jobs import Job
from mapper.runtime.local import Local
from mapper.runtime.run import Settings, opened, run
from mapper.runtime.tensors import Array


class Late(Local):
    """Results come in an order of their own, as from processes."""

    dice = random.Random(0)

    def submit(self, place: int, job: Job) -> None:
        super().submit(place, job)
        self.dice.shuffle(self._jobs)


@examples(8, 25)
@given(st.data())
def test_any_graph_on_any_units_gives_what_its_nodes_give_in_order(data: st.DataObject) -> None:
    """Sums and products of two earlier values each, against numpy; requests at once, results in any order."""
    size = data.draw(st.integers(1, 8), "nodes")
    units = [data.draw(st.sampled_from("abc"), "unit") for _ in range(size)]
    nodes: list[Node] = []
    for k in range(size):
        one, two = (data.draw(st.integers(0, k), "operand") for _ in range(2))
        nodes.append((data.draw(st.sampled_from(["Add", "Mul"])), [f"v{one}", f"v{two}"], [f"v{k + 1}"], {}))
    results = sorted(data.draw(st.sets(st.integers(1, size), min_size=1), "results"))
    requests = data.draw(st.integers(1, 4), "requests")
    with tempfile.TemporaryDirectory() as there:
        folder = Folder(Path(there))
        values = [tensor(f"v{k}", 2) for k in range(size + 1)]
        steps = [folder.step(unit, values, [node]) for unit, node in zip(units, nodes, strict=True)]
        folder.manifest([phase(values, steps, [f"v{k}" for k in results], inputs=(InputLine(value="v0"),))])
        emitted = opened(folder.path)
        inputs = made_up(emitted.program, requests, 0)
        found: dict[int, dict[str, Array]] = {}

        def take(request: int, at: int, taken: Mapping[str, Array]) -> None:
            found[request] = {name: array.copy() for name, array in taken.items()}

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mapper.runtime.run.Local", Late)
            run(emitted, Settings("none", requests, 3), inputs, take)
    for request in range(requests):
        made: dict[str, Array] = {"v0": inputs(request, 0, "v0")}
        for op, (one, two), (name,), _ in nodes:
            made[name] = np.add(made[one], made[two]) if op == "Add" else np.multiply(made[one], made[two])
        assert found[request].keys() == {f"v{k}" for k in results}
        for name, array in found[request].items():
            assert np.array_equal(array, made[name], equal_nan=True)
