"""Forward passes of whole models, read from made-up tables and priced."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.forwards import forwards_scored
from benchmarks.measured.forwards import forwards
from mapper.cost.pricing import Pricer

BERT = "doc,section,cfg,batch,col1,col2,hdr1,hdr2,metric,value\n"
NEUSIGHT = "device,model,mode,seqlen,batch,option,num_layer,e2e_latency,fw_latency,bwall_latency\n"


def tables(folder: Path) -> Path:
    for name in ("fastertransformer", "neusight"):
        (folder / name).mkdir()
    row = 'd,BERT on {} and PyTorch,"{{""precision"": ""{}""}}",8,128,{},Seq_len,Precision,{} Latency (ms),2\n'
    asked = [("A100", "FP16", "FT"), ("A100", "FP16", "EFF-FT"), ("A10", "FP16", "FT"), ("A100", "FP32", "FT")]
    bert = BERT + "".join(row.format(card, kind, kind, who) for card, kind, who in asked)
    (folder / "fastertransformer" / "bert.csv").write_text(bert)
    device = "NVIDIA_A100-PCIE-40GB"
    rows = [
        f"{device},gpt2_large,inf,64,{{}},,36,10,10,0\n",
        f"{device},gpt2_large,inf,64,{{}},fusion,36,9,9,0\n",
        f"{device},gpt2_large,train,64,{{}},,36,30,10,20\n",
        f"{device},switchxl4,inf,64,{{}},,0,30,10,20\n",
        "NVIDIA_Unknown,gpt2_large,inf,64,{},,36,10,10,0\n",
    ]
    (folder / "neusight" / "e2e_models.csv").write_text(NEUSIGHT + "".join(r.format(b) for b in (2, 4) for r in rows))
    return folder


def test_plain_passes_on_known_devices_are_read_and_others_left_out(tmp_path: Path) -> None:
    found = list(forwards(tables(tmp_path)))
    assert [(f.source, f.target, f.sizes.name, f.batch, f.seq) for f in found] == [
        ("fastertransformer", "a100-80", "BERT-base", 8, 128),
        ("neusight", "a100-pcie-40", "GPT2-large", 2, 64),
        ("neusight", "a100-pcie-40", "GPT2-large", 4, 64),
    ]


def test_a_larger_batch_takes_longer_and_no_row_counts_as_fitted(tmp_path: Path) -> None:
    encoder, decoder = forwards_scored(tables(tmp_path), Pricer())
    assert encoder.line.op == "forward BERT-base f16"
    assert decoder.line.op == "forward GPT2-large f32"
    small, large = decoder.times["ours"]
    assert 0 < small < large < 3 * small
    assert encoder.held_out.all()
    assert decoder.held_out.all()
    assert np.isnan(decoder.times["three"]).all()
