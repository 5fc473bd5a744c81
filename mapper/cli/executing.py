"""Who runs the jobs of a command: this machine's processes, or a cluster."""

from __future__ import annotations

import os
from argparse import Namespace
from math import isfinite

from mapper.cli.counting import count
from mapper.errors import UsageError
from mapper.execution.jobs import Executor, Guard
from mapper.execution.local import Local

RAY = "ray"


def executor_of(args: Namespace, preload: tuple[str, ...]) -> Executor:
    """The executor that `--executor`, `--address` and `--jobs` mean. preload: modules that all jobs need. Raises
    MapperError for a cluster without Ray, UsageError for what does not fit together."""
    jobs = None if args.jobs == "auto" else count("--jobs", args.jobs)
    if args.executor == RAY:
        from mapper.execution.cluster import Ray
        from mapper.execution.joining import refuse_missing

        refuse_missing()
        return Ray(args.address, jobs, preload)
    refuse_lone_address(args)
    return Local(jobs or os.cpu_count() or 1, preload)


def refuse_lone_address(args: Namespace) -> None:
    """Raises UsageError for the address of a cluster that is not to be used."""
    if args.address and args.executor != RAY:
        raise UsageError(f"--address {args.address} is of a cluster", hint="add --executor ray")


def guard_of(args: Namespace) -> Guard:
    """The guard that `--case-seconds` and `--case-memory` mean. Raises UsageError for one that nothing passes."""
    gigabytes: float | None = args.case_memory
    if gigabytes is not None and not isfinite(gigabytes * 1e9):
        raise UsageError(f"--case-memory {gigabytes:g}: give GB, or leave it out")
    return Guard(args.case_seconds, None if gigabytes is None else int(gigabytes * 1e9))
