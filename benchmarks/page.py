"""How large report.html is, how long it takes to write, and how long a browser takes until it answers.

    python benchmarks/page.py PLAN...

PLAN is a plan.json or its folder. Interactive: all sections are there and the charts in the window are drawn, two
frames later, counted from the beginning of the navigation, from disk, in a headless Chromium with an empty cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from mapper.compiled import Compiled
from mapper.ir.serial import load
from mapper.report.page.plan_page import plan_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
READY = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
TIMES = 3
"""Each is measured so often; the median is told."""


def main() -> None:
    """Print a line for each plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plans", nargs="+", metavar="PLAN")
    args = parser.parse_args()
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        parser.error(f"no browser on the PATH (looked for {', '.join(BROWSERS)}); `make browser` installs one")
    flags = [*FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    print(f"{'plan':<40}{'size':>10}{'written in':>12}{'(processor)':>13}{'interactive in':>16}")
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=found, args=flags)
        for given in args.plans:
            name, html, seconds, work = written(Path(given))
            page = Path(folder) / "page.html"
            page.write_text(html, encoding="utf-8")
            ready = median(interactive(browser, page) for _ in range(TIMES))
            print(f"{name:<40}{len(html.encode()) / 1e6:>7.2f} MB{seconds:>10.2f} s{work:>11.2f} s{ready:>14.2f} s")


def written(path: Path) -> tuple[str, str, float, float]:
    """The name, the page, and the seconds from the verdict and its summary to the page, by the clock and of the
    processor."""
    plan = load(path / "plan.json" if path.is_dir() else path)
    seconds, work, html = [], [], ""
    for _ in range(TIMES):
        done = Compiled(plan)  # anew each time: charts keep what they know of a verdict
        verdict, summary = done.verdict, done.summary
        began, busy = time.perf_counter(), time.process_time()
        html = plan_page(verdict, summary)
        seconds.append(time.perf_counter() - began)
        work.append(time.process_time() - busy)
    return f"{plan.graph.name} on {plan.target.name}", html, median(seconds), median(work)


def interactive(browser: Browser, path: Path) -> float:
    """Seconds until the page answers."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
    found: float = page.evaluate(READY)
    context.close()
    return found / 1000


if __name__ == "__main__":
    main()
