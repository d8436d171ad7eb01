"""Studies in the queue and in this process: nothing twice, stop, resume, budget."""

import os
import signal
import subprocess
import sys
import time

import pytest

from imae_core.errors import BadInputError
from imae_core.runs.budget import set_budget
from imae_core.runs.runner import Runner
from imae_core.runs.store import Store
from imae_core.studies.here import run_here
from imae_core.studies.progress import expected_study_cost, study_progress
from imae_core.studies.run import stop_study, submit_study
from imae_core.studies.store import load_study, widen_study
from tests.conftest import wait_until
from tests.runs.test_runner import PretendedExecutor
from tests.studies.made_up import made_up, small


@pytest.fixture
def nothing_starts(monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")


def counts(home):
    found = study_progress(home, load_study(home, "small")).counts
    return {state: number for state, number in found.items() if number}


def test_what_is_done_is_never_queued_again(home, nothing_starts):
    _, cells = small(home)
    done = made_up(home, cells[3])
    made_up(home, cells[0], state="failed")
    made_up(home, cells[1], state="stopped")
    made_up(home, cells[2], group="somebody else's")
    assert counts(home) == {"done": 1, "failed": 1, "stopped": 1, "missing": 9}
    queued = submit_study(home, "small")
    assert len(queued) == 10, "9 missing and the stopped one; a run of another group is none of the study's"
    assert counts(home) == {"done": 1, "failed": 1, "queued": 10}
    assert submit_study(home, "small") == []
    assert len(submit_study(home, "small", again=True)) == 1
    assert counts(home) == {"done": 1, "queued": 11}
    assert Store(home).get(done.run_id).state == "done"
    assert len(Store(home).of_group("small")) == 12


def test_the_queue_is_in_the_studys_order(home, nothing_starts):
    _, cells = small(home)
    submit_study(home, "small")
    assert [run.config for run in Store(home).of_group("small")] == [cell.config for cell in cells]


def test_after_widening_only_what_is_new_is_queued(home, nothing_starts):
    _, cells = small(home)
    for cell in cells:
        made_up(home, cell)
    widen_study(home, "small", {"seeds": [2]})
    assert counts(home) == {"done": 12, "missing": 6}
    submit_study(home, "small")
    assert {run.config.seed for run in Store(home).runs("queued")} == {2}


def test_the_furthest_of_several_runs_of_a_cell_counts(home):
    _, cells = small(home)
    made_up(home, cells[0])
    made_up(home, cells[0], state="failed")
    progress = study_progress(home, load_study(home, "small"))
    assert progress.places[0].state == "done"
    assert progress.spent_seconds == pytest.approx(20, abs=0.1), "the failed one took its time too"


def test_time_left_comes_from_the_studys_own_runs(home):
    study, cells = small(home)
    assert study_progress(home, study).left_seconds is None
    assert expected_study_cost(home, study, cells).seconds is None
    made_up(home, cells[0], seconds=6)
    made_up(home, cells[1], seconds=8)
    progress = study_progress(home, study)
    assert progress.left_seconds == pytest.approx(10 * 7, abs=0.5)
    assert progress.spent_seconds == pytest.approx(14, abs=0.1)
    cost = expected_study_cost(home, study, cells)
    assert cost.seconds == pytest.approx(12 * 2.0 / 30 * 1), "one step a run; the made-up result has 30 steps in 2 s"
    assert cost.disk_bytes > 12 * 10e6


def test_stop_asks_every_run(home, nothing_starts):
    small(home)
    submit_study(home, "small")
    assert stop_study(home, "small") == 12
    Runner(home, PretendedExecutor(home)).tick()
    assert counts(home) == {"stopped": 12}
    assert len(submit_study(home, "small")) == 12, "what was stopped is resumed"


def test_the_runner_starts_nothing_beyond_the_budget(home, nothing_starts, monkeypatch):
    monkeypatch.setenv("IMAE_CPU_CORES", "2")
    monkeypatch.setenv("IMAE_RUNS_TOGETHER", "1")
    small(home, max_hours=0.01)
    submit_study(home, "small")
    runner = Runner(home, PretendedExecutor(home))
    runner.tick()
    assert counts(home) == {"running": 2, "queued": 10}
    for run in Store(home).runs("starting"):
        runner.folder(run).write_attempts([{"attempt": 1, "started": time.time() - 30, "where": {}}])
        runner.folder(run).write_result({"run_id": run.run_id})
        runner.executor.alive.discard(run.token)
    runner.tick()
    stopped = Store(home).runs("stopped")
    assert counts(home) == {"done": 2, "stopped": 10}
    assert "the budget of small is spent: 0.02 of 0.01 hours" in stopped[0].message
    with pytest.raises(BadInputError, match="raise it, then resume"):
        submit_study(home, "small")
    widen_study(home, "small", {"max_hours": None})
    assert len(submit_study(home, "small")) == 10


def test_here_trains_what_is_missing_with_one_import_and_goes_on_later(home):
    _, cells = small(home, seeds=[0], losses=[{"name": "cce"}, {"name": "imae"}])
    made_up(home, cells[0])
    stopped = made_up(home, cells[1], state="stopped")
    ended = []
    assert run_here(home, "small", tell=ended.append) == ""
    assert [run.outcome for run in ended] == ["done"] * 3
    assert ended[0].run_id == stopped.run_id, "it goes on with the stopped one, in the study's order"
    runs = {run.run_id: run for run in Store(home).of_group("small")}
    assert {runs[run.run_id].executor for run in ended} == {"foreground"}
    folder = home / "runs" / ended[1].run_id
    assert all((folder / name).exists() for name in ("config.json", "result.json", "examples.arrow", "checkpoint.pt"))
    assert counts(home) == {"done": 4}
    assert run_here(home, "small", tell=ended.append) == ""
    assert len(ended) == 3, "nothing is run twice"


def test_here_tells_of_failures_once_and_goes_on(home):
    small(home, seeds=[0], noise_rates=[0.4], losses=[{"name": "cce"}, {"name": "imae"}],
          factors={"lr": [1e6, 0.1]}, overrides={"epochs": 8, "num_train": 100, "device": "cpu"})  # fmt: skip
    ended = []
    assert run_here(home, "small", tell=ended.append) == ""
    assert sorted(run.outcome for run in ended) == ["done", "done", "failed", "failed"]
    assert "training diverged" in next(run.message for run in ended if run.outcome == "failed")
    assert counts(home) == {"done": 2, "failed": 2}


def test_here_stops_at_the_budget_and_takes_over_from_a_dead_process(home):
    _, cells = small(home, seeds=[0], noise_rates=[0.4], losses=[{"name": "cce"}, {"name": "imae"}])
    lost = made_up(home, cells[0], state="running", seconds=50)
    Store(home).update(lost.run_id, executor="foreground", ref={"pid": 2**22 + 1, "created": 1.0})
    set_budget(home, "small", 10)
    assert "the budget of small is spent" in run_here(home, "small")
    set_budget(home, "small", None)
    assert run_here(home, "small") == ""
    assert counts(home) == {"done": 2}
    with pytest.raises(BadInputError, match="jobs must be 1 or more"):
        run_here(home, "small", jobs=0)


def test_interrupt_saves_and_the_same_command_goes_on(home):
    """Two processes, one of them with two runs that train together, ended by one Ctrl-C to the command: checkpoints, no failures, nothing lost."""
    overrides = {"epochs": 400, "device": "cpu"}
    small(
        home,
        seeds=[0],
        noise_rates=[0.4],
        losses=[{"name": "cce"}, {"name": "imae"}, {"name": "mae"}],
        overrides=overrides,
    )
    command = [sys.executable, "-m", "imae_core", "study", "here", "small", "--jobs", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal; a job in the background ignores it
    )  # fmt: skip
    folders = lambda: [home / "runs" / run.run_id for run in Store(home).of_group("small")]  # noqa: E731
    wait_until(lambda: sum((folder / "metrics.arrow").exists() for folder in folders()) == 3, 180)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=180)
    assert process.returncode == 1
    assert "study small is not finished: stopped on request" in errors
    assert counts(home) == {"stopped": 3}
    assert all((folder / "checkpoint.pt").exists() for folder in folders())
    assert "Traceback" not in errors
