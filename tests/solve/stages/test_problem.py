import pytest

from mapper.errors import Infeasible, MapperError
from mapper.solve.stages import Problem, Solution
from mapper.solve.stages.verify import max_load, verify
from tests.solve.stages.builders import chain, node, problem


def test_a_load_is_the_work_of_a_device() -> None:
    assert chain([3, 4, 5]).loads([0, 0, 1]) == [7, 5]


def test_a_transfer_is_paid_on_both_sides_of_a_cut() -> None:
    assert chain([3, 4, 5], transfer=2).loads([0, 0, 1]) == [9, 7]


def test_a_core_of_the_host_pays_no_transfer() -> None:
    p = chain([3, 4], accelerators=1, cores=1, transfer=2)
    assert p.loads([0, 1]) == [5, 40]


def test_an_output_read_twice_on_a_device_is_sent_and_received_once() -> None:
    p = problem([node("a", 1, transfer=4), node("b", 1), node("c", 1)], [(0, 1), (0, 2)])
    assert p.loads([0, 1, 1]) == [5, 6]


def test_an_output_read_on_two_devices_is_sent_once_and_received_twice() -> None:
    p = problem([node("a", 1, transfer=4), node("b", 1), node("c", 1)], [(0, 1), (0, 2)], accelerators=3)
    assert p.loads([0, 1, 2]) == [5, 5, 5]


def test_device_names_count_within_their_class() -> None:
    assert chain([1], accelerators=2, cores=1).device_names == ("acc0", "acc1", "cpu0")


def _refused(p: Problem, *words: str) -> None:
    with pytest.raises(MapperError) as error:
        p.check()
    for word in words:
        assert word in str(error.value)


def test_a_cycle_is_refused_by_name() -> None:
    nodes = [node("a", 1), node("b", 1), node("c", 1)]
    _refused(problem(nodes, [(0, 1), (1, 2), (2, 1)]), "cyclic", "'b' -> 'c' -> 'b'")


def test_a_negative_size_is_refused() -> None:
    _refused(problem([node("a", 1, size=-5)], []), "'a'", "size", "-5")


def test_a_negative_time_is_refused() -> None:
    _refused(problem([node("a", -2)], []), "'a'", "time", "-2")


def test_an_empty_problem_is_refused() -> None:
    _refused(problem([], []), "without nodes")


def test_a_problem_without_devices_is_refused() -> None:
    _refused(problem([node("a", 1)], [], accelerators=0), "without devices")


def test_sums_beyond_64_bits_are_refused() -> None:
    _refused(problem([node("a", 2**61), node("b", 2**61)], []), "ticks", str(2**62))


def test_an_edge_to_nowhere_is_refused() -> None:
    _refused(problem([node("a", 1)], [(0, 7)]), "(0, 7)")


def test_a_node_larger_than_every_memory_is_infeasible_by_its_numbers() -> None:
    with pytest.raises(Infeasible) as error:
        problem([node("a", 1, None, size=9)], [], memory=4, cores=1).check()
    assert "'a'" in str(error.value)
    assert "5 too few" in str(error.value)


def test_a_tie_without_a_common_class_is_infeasible() -> None:
    with pytest.raises(Infeasible, match=r"'a', 'b'"):
        problem([node("a", 1, None, tie=1), node("b", None, 1, tie=1)], [], cores=1).check()


def _broken(p: Problem, device: list[int], rule: str) -> None:
    with pytest.raises(MapperError, match=f"^{rule}:"):
        verify(p, Solution(tuple(device)))


def test_a_sound_solution_is_accepted() -> None:
    p = chain([3, 4, 5], memory=2, transfer=1)
    verify(p, Solution((0, 0, 1)))
    assert max_load(p, Solution((0, 0, 1))) == p.value(Solution((0, 0, 1))) == 8


def test_a_missing_device_breaks_device() -> None:
    _broken(chain([1, 2]), [0], "device")
    _broken(chain([1, 2]), [0, 2], "device")


def test_an_unsupported_device_breaks_support() -> None:
    _broken(problem([node("a", None, 1)], [], cores=1), [0], "support")


def test_a_parted_tie_breaks_ties() -> None:
    _broken(problem([node("a", 1, tie=3), node("b", 1, tie=3)], []), [0, 1], "ties")


def test_too_many_bytes_break_memory() -> None:
    _broken(chain([1, 1, 1], memory=2), [0, 0, 0], "memory")


def test_coming_back_breaks_contiguity() -> None:
    _broken(chain([1, 1, 1]), [0, 1, 0], "contiguity")


def test_backward_nodes_do_not_break_contiguity() -> None:
    nodes = [node("a", 1, tie=1), node("b", 1, tie=2)]
    nodes += [node("c", 1, tie=2, backward=True), node("d", 1, tie=1, backward=True)]
    verify(problem(nodes, [(0, 1), (1, 2), (2, 3)]), Solution((0, 1, 1, 0)))


def test_a_memory_beyond_61_bits_is_refused() -> None:
    _refused(
        problem([node("a", 1)], [], accelerators=1, memory=2**70),
        f"class 'acc' holds {2**70} bytes",
        "None is no limit",
    )
