"""`mapper check`, `show` and `explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hostile import hostile_plan

from mapper.cli.main import main
from mapper.ir.serial import to_json


def test_check_agrees_given_the_file_or_its_folder(mapper, compiled: Path) -> None:
    for path in (compiled, compiled / "plan.json"):
        ran = mapper("check", path)
        assert ran.code == 0, ran.err
        assert ran.out.startswith("ok: gpt2-tiny on edge-npu")


@pytest.mark.parametrize(("name", "told"), [("summary.json", "or its folder"), ("gpt2.onnx", "mapper compile makes")])
def test_a_file_of_another_kind_says_which_one_is_wanted(mapper, tmp_path: Path, name: str, told: str) -> None:
    for one in ("plan.json", name):
        (tmp_path / one).write_bytes(b"\x08")
    ran = mapper("explain", tmp_path / name)
    assert ran.code == 1
    assert told in ran.err


def test_check_as_json(mapper, compiled: Path) -> None:
    found = json.loads(mapper("check", compiled, "--json").out)
    assert found["ok"] is True
    assert 0 <= found["gap"] < 1


def test_a_plan_changed_by_hand_is_refused_with_the_rule(mapper, compiled: Path, tmp_path: Path) -> None:
    plan = json.loads((compiled / "plan.json").read_text())
    plan["figures"][0][1] += 1
    (tmp_path / "spoilt.json").write_text(json.dumps(plan), encoding="utf-8")
    ran = mapper("check", tmp_path / "spoilt.json")
    assert (ran.code, ran.out) == (1, "")
    assert "the plan records" in ran.err
    assert "  rule: " in ran.err


def test_show_fits_a_screen(mapper, compiled: Path) -> None:
    out = mapper("show", compiled, "--only", "answer").out
    assert "gpt2-tiny on edge-npu · throughput" in out
    assert len(out.splitlines()) <= 30
    assert max(map(len, out.splitlines())) <= 118


def test_show_goes_on_with_what_is_seen_at_a_glance(mapper, compiled: Path) -> None:
    ran = mapper("show", compiled)
    for words in ("gpt2-tiny on edge-npu", "memories", "one request alone", "rooflines", "how to make it again"):
        assert words in ran.out
    assert max(len(line) for line in ran.out.splitlines() if "--pipeline" not in line) <= 118
    some = mapper("show", compiled, "--only", "links,bound").out
    assert "how far from the best" in some
    assert "rooflines" not in some
    assert "gpt2-tiny on" not in some
    ran = mapper("show", compiled, "--only", "rooflin")
    assert ran.code == 2
    assert "did you mean 'roofline'" in ran.err


def test_show_as_text_and_as_json(mapper, compiled: Path) -> None:
    assert "place" in mapper("show", compiled, "--text").out
    found = json.loads(mapper("show", compiled, "--json").out)
    glance = found.pop("glance")
    summary = json.loads((compiled / "summary.json").read_text())
    for made in (found, summary):
        del made["seconds"], made["versions"], made["work"]
    assert found == summary
    assert set(glance) > {"timeline", "steady", "reproduce"}


def test_show_writes_the_page_that_compile_does(mapper, compiled: Path, tmp_path: Path) -> None:
    ran = mapper("show", compiled, "--page", tmp_path / "new" / "a.html")
    assert ran.code == 0
    page = (tmp_path / "new" / "a.html").read_text()
    assert page == (compiled / "report.html").read_text()


def test_a_page_is_not_written_over_a_folder(mapper, compiled: Path, tmp_path: Path) -> None:
    ran = mapper("show", compiled, "--page", tmp_path)
    assert ran.code == 1
    assert "it is a folder" in ran.err


def test_explain_says_what_limits_how_far_and_why(mapper, compiled: Path) -> None:
    out = mapper("explain", compiled).out
    for words in ("what limits it", "how far from the best", "where the energy goes", "why each op", "fallbacks: "):
        assert words in out
    assert "e+" not in out
    assert " 0x the" not in out


def test_explain_one_op(mapper, compiled: Path) -> None:
    out = mapper("explain", compiled, "--op", "c_attn").out
    assert "c_attn" in out
    assert "what limits it" not in out
    ran = mapper("explain", compiled, "--op", "no-such-op")
    assert ran.code == 1
    assert "no op 'no-such-op'" in ran.err


def test_explain_proves_the_bound_again_for_what_it_rests_on(mapper, compiled: Path) -> None:
    assert "it rests on" not in mapper("explain", compiled).out
    assert "it rests on" in mapper("explain", compiled, "--proof").out


def test_explain_as_json(mapper, compiled: Path) -> None:
    found = json.loads(mapper("explain", compiled, "--json").out)
    assert found["limits"]
    assert found["ops"]


def test_hostile_names_steer_no_terminal(mapper, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(to_json(hostile_plan()), encoding="utf-8")
    for words in (("show",), ("explain",), ("explain", "--op", "attn")):
        ran = mapper(words[0], path, *words[1:])
        assert ran.code == 0, ran.err
        assert all(c.isprintable() or c == "\n" for c in ran.out)
        assert "alert(" in ran.out


def test_a_terminal_without_blocks_gets_signs_that_it_has(
    compiled: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for encoding in ("ascii", "latin-1"):
        with (tmp_path / encoding).open("w", encoding=encoding) as file:
            monkeypatch.setattr("sys.stdout", file)
            assert main(["show", str(compiled)]) == 0
        text = (tmp_path / encoding).read_text(encoding)
        assert "####" in text
        assert "\\u" not in text
