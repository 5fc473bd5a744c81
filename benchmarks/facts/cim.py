"""Rows of compute-in-memory chips, compilers and simulators: peaks and counts from the targets, models by compile."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.facts.rows import Answer, Fact, Kind, Uncovered
from benchmarks.macros import figure, priced
from mapper.compiler import compile
from mapper.cost.works import Types, product
from mapper.hw.header import read_file
from mapper.hw.library import find_part
from mapper.hw.load import load_target
from mapper.hw.schema import UnitFile
from mapper.hw.work import DType, Work
from mapper.ir.op_work import work
from passes.pipelines import PREPARE
from samples.models import cnn, decoder, sizes
from targets.models.cim_analog import CimAnalog
from targets.models.cim_base import CimUnit

EXACT = 1e-9
"""The bar of counts."""
