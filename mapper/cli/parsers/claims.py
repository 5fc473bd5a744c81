"""Arguments of `mapper claims`."""

from __future__ import annotations

import argparse

_END = """A claim is reproduced where the computed figure is within its tolerance of what is said; it is left open where
only an end of its error band or of its assumptions reaches that, and differs, with the computed reason, otherwise.
Exit code 0 whatever the verdicts; 130 after Ctrl-C, which keeps what is answered."""


def claims(p: argparse.ArgumentParser) -> None:
    """Claims of the market, checked."""
    p.set_defaults(run="claiming:claims")
    p.epilog = _END
    p.add_argument(
        "file", nargs="?", default="samples/claims.yaml", metavar="FILE.yaml",
        help="the claims (default: samples/claims.yaml)",
    )  # fmt: skip
    p.add_argument(
        "--models",
        metavar="DIR",
        help="the folder of the models (default: models in --out; `make claims` builds them)",
    )
    p.add_argument(
        "--only", action="append", default=[], metavar="ID,...", help="only these claims, or patterns of them"
    )
    p.add_argument("--out", default="out/claims", metavar="DIR", help="where answers are kept (default: out/claims)")
    p.add_argument("--brief", action="store_true", help="figures and verdicts, without tables and what they rest on")
    p.add_argument("--list", action="store_true", help="list the claims, check nothing")
    p.add_argument("--markdown", metavar="FILE.md", help="also write a page")
    p.add_argument("--json", action="store_true", help="print everything as JSON, nothing else")
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")
