"""How long every view takes on large runs: `setsid nice -n -10 python -m benchmarks.pages`, or with one size alone
`--examples 50000 --epochs 200`.

Makes 300 synthetic runs (benchmarks/synthetic.py) and prints, as Markdown:
- server: from the request to the last message of the script, over Streamlit's own protocol. First: in an app that has
  shown Overview and nothing else; then the median of `REPEATS` times, with the CPU seconds of the app's process and the
  kilobytes that were sent. Where other work goes on, CPU seconds are nearest to the time on a quiet machine;
- drawn: from a click to the drawn view in Chromium, the median of `REPEATS` clicks (benchmarks/clicks.py);
- the start of the app with its first page, one step of the scrubber, and the app's memory: all that is resident, and what
  of it is its own, in no file.
"""

import argparse
import asyncio
import datetime
import os
import platform
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import streamlit

from benchmarks.clicks import in_browser, share_priority
from benchmarks.stream import answered, open_stream, rerun
from benchmarks.synthetic import make_sweep
from imae_core.runs.store import Store
from tests.server import Server

REPEATS = 5
SIZES = ((50_000, 200), (1_280_000, 100))
REGION = "selection=region:0,0;0.3,0;0.3,0.4;0,0.4"
CELL = "selection=cell:true:given:0:3"


@dataclass(frozen=True)
class View:
    """A page with its link; `selected` are selectboxes by key that are set after it was opened."""

    page: str
    query: str = ""
    selected: Mapping[str, str] = field(default_factory=dict)


VIEWS = {
    "Overview": View(""),
    "Runs": View("runs"),
    "Inspect: all examples": View("inspect"),
    "Inspect: one class": View("inspect", selected={"scope_class": "3"}),
    "Inspect: data map": View("inspect", "tool=map"),
    "Inspect: region of the data map": View("inspect", f"tool=map&{REGION}"),
    "Inspect: matrices": View("inspect", "tool=matrix"),
    "Inspect: cell of a matrix": View("inspect", f"tool=matrix&{CELL}"),
    "Inspect: an example": View("inspect", "example=7"),
    "Compare": View("compare"),
    "Clean labels: review": View("clean_labels", "step=review"),
    "Clean labels: three detectors": View("clean_labels", "step=review&ranking=confidence,aum,loss"),
    "Clean labels: estimates": View("clean_labels", "step=estimates"),
    "Clean labels: repair": View("clean_labels", "step=repair"),
}


@dataclass(frozen=True)
class OnServer:
    first: float
    first_cpu: float
    again: float
    cpu: float
    kilobytes: float


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def ask(server: Server, run_id: str, view: View) -> OnServer:
    """A view in a fresh app, then again and again in the same session."""
    query = "&".join(filter(None, (f"run={run_id}", view.query))) if view.page not in ("", "runs", "compare") else ""
    process = psutil.Process(server.process.pid)
    async with open_stream(server.port) as stream:
        await answered(stream, rerun(""))
        spent = cpu_seconds(process)
        answer = await answered(stream, rerun(view.page, query))
        selected = {
            name: value
            for key, value in view.selected.items()
            for name in answer.selectboxes
            if name.endswith(f"-{key}")
        }
        if view.selected:
            spent = cpu_seconds(process)
            answer = await answered(stream, rerun(view.page, query, selected=selected))
        first, first_cpu = answer, cpu_seconds(process) - spent
        spent = cpu_seconds(process)
        again = [await answered(stream, rerun(view.page, query, selected=selected)) for _ in range(REPEATS)]
        cpu = (cpu_seconds(process) - spent) / REPEATS
    problems = [problem for one in (first, *again) for problem in one.exceptions]
    assert not problems, (view, problems)
    return OnServer(first.seconds, first_cpu, statistics.median(one.seconds for one in again), cpu,
                    statistics.median(one.num_bytes for one in again) / 1000)  # fmt: skip


def on_server(home: Path, run_id: str, views: Mapping[str, View]) -> dict[str, OnServer]:
    """Each view in an app of its own."""
    found = {}
    for name, view in views.items():
        server = Server(home)
        try:
            found[name] = asyncio.run(ask(server, run_id, view))
        finally:
            server.stop()
    return found


def environment() -> str:
    """Where and on what was measured."""
    versions = ", ".join(f"{package} {version}" for package, version in (
        ("Python", platform.python_version()), ("Streamlit", streamlit.__version__)))  # fmt: skip
    return f"{datetime.date.today()}, {os.cpu_count()} cores, {versions}, niceness {os.nice(0)}"


def measure(home: Path, num_examples: int, num_epochs: int, num_runs: int) -> None:
    """Prints the table of one size."""
    if not Store(home).runs():
        make_sweep(home, num_examples, num_epochs, num_runs)
    run_id = next(run.run_id for run in Store(home).runs() if run.config.loss.name == "imae" and not run.config.seed)
    before = os.getloadavg()[0]
    server = on_server(home, run_id, VIEWS)
    drawn, facts = in_browser(home, run_id, REPEATS)
    load = f"load average {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"\n### {num_examples:,} examples x {num_epochs} epochs, {num_runs} runs\n\n{environment()}, {load}\n")
    print("| view | first (s) | its CPU (s) | again (s) | its CPU (s) | sent (kB) | drawn (s) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in dict.fromkeys((*server, *drawn)):
        one = server.get(name)
        cells = (
            [f"{one.first:.2f}", f"{one.first_cpu:.2f}", f"{one.again:.3f}", f"{one.cpu:.3f}", f"{one.kilobytes:,.0f}"]
            if one
            else [""] * 5
        )
        times = f"{statistics.median(drawn[name]):.2f}" if name in drawn else ""
        print(f"| {name} | {' | '.join(cells)} | {times} |")
    print(f"\n{facts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--home", type=Path, help="keeps the synthetic runs in this folder, or finds them there")
    options = parser.parse_args()
    share_priority()
    for num_examples, num_epochs in [(options.examples, options.epochs)] if options.examples else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            home = (options.home or Path(folder)) / f"{num_examples}"
            home.mkdir(parents=True, exist_ok=True)
            os.environ["IMAE_HOME"] = str(home)
            measure(home, num_examples, num_epochs, options.runs)


if __name__ == "__main__":
    main()
