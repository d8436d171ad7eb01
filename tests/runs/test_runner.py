"""The runner with a pretended executor: slots, GPUs, wishes, retries; all without a real process."""

import time

import pytest

from imae_core.errors import BadInputError
from imae_core.recipes import make_config
from imae_core.runs.budget import machine_seconds
from imae_core.runs.executors.local import LocalExecutor
from imae_core.runs.runner import Runner
from imae_core.runs.service import ensure_runner
from imae_core.runs.settings import RunnerSettings, save_settings
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run


class PretendedExecutor(LocalExecutor):
    """Places as the local one, but its workers are entries of a set."""

    def __init__(self, home):
        super().__init__(home)
        self.alive, self.started, self.killed, self.together = set(), [], [], []

    def start(self, run, folders, token, slot):
        self.started.append((run.run_id, slot, token))
        self.together.append([folder.run_id for folder in folders])
        self.alive.add(token)
        return {"worker": token}

    def find(self, folder, token):
        return {"worker": token} if token in self.alive else None

    def is_alive(self, reference):
        return reference.get("worker") in self.alive

    def kill(self, reference):
        self.killed.append(reference["worker"])
        self.alive.discard(reference["worker"])


@pytest.fixture
def runner(home, monkeypatch):
    monkeypatch.setenv("IMAE_GPUS", "")
    monkeypatch.setenv("IMAE_CPU_CORES", "2")
    monkeypatch.setenv("IMAE_RUNS_TOGETHER", "1")
    return Runner(home, PretendedExecutor(home))


def queue(runner, number=1, **choices):
    run_ids = []
    for seed in range(number):
        config = make_config("digits", (1, 8, 8), 1297, seed=seed, **choices)
        folder = create_run(runner.home, config)
        runner.store.add(folder.run_id, config, executor="local")
        run_ids.append(folder.run_id)
    return run_ids


def states(runner):
    return [run.state for run in sorted(runner.store.runs(), key=lambda run: run.config.seed)]


def finish(runner, run_id, **heartbeat):
    """Lets a worker end, with a result or with a last word."""
    run = runner.store.get(run_id)
    if heartbeat:
        runner.folder(run).write_heartbeat({"token": run.token, "time": time.time(), **heartbeat})
    else:
        runner.folder(run).write_result({"run_id": run_id})
    runner.executor.alive.discard(run.token)


def test_cores_are_slots_and_the_queue_moves_up(runner):
    run_ids = queue(runner, 3)
    runner.tick()
    assert states(runner) == ["starting", "starting", "queued"]
    assert "waits for 1 of 2 CPU cores" in runner.store.get(run_ids[2]).message
    finish(runner, run_ids[0])
    runner.tick()
    assert states(runner) == ["done", "starting", "starting"]


def test_a_run_with_more_threads_than_cores_still_gets_its_turn(runner):
    queue(runner, 1, threads=64)
    runner.tick()
    assert states(runner) == ["starting"]


def test_one_run_a_gpu_on_pretended_gpus(runner, monkeypatch):
    monkeypatch.setenv("IMAE_GPUS", "0,3")
    run_ids = queue(runner, 3)
    runner.tick()
    assert [(run_id, slot) for run_id, slot, _ in runner.executor.started] == [
        (run_ids[0], {"gpu": 0}),
        (run_ids[1], {"gpu": 3}),
    ]
    assert "waits for GPU 0 or 3" in runner.store.get(run_ids[2]).message
    finish(runner, run_ids[1])
    runner.tick()
    assert runner.executor.started[-1][:2] == (run_ids[2], {"gpu": 3})


def test_gpus_can_be_shared_and_chosen(runner, monkeypatch):
    monkeypatch.setenv("IMAE_GPUS", "0,1")
    monkeypatch.setenv("IMAE_RUNS_PER_GPU", "2")
    queue(runner, 3, device="cuda:1")
    runner.tick()
    assert [slot for _, slot, _ in runner.executor.started] == [{"gpu": 1}, {"gpu": 1}]
    queue(runner, 1, device="cpu")
    runner.tick()
    assert runner.executor.started[-1][1] == {"cores": 1}


def test_starting_becomes_running_with_the_workers_own_heartbeat(runner):
    (run_id,) = queue(runner)
    runner.tick()
    folder = runner.folder(runner.store.get(run_id))
    folder.write_heartbeat({"token": "of another worker", "time": time.time(), "phase": "training"})
    runner.tick()
    assert states(runner) == ["starting"]
    folder.write_heartbeat({"token": runner.store.get(run_id).token, "time": time.time(), "phase": "training"})
    runner.tick()
    assert states(runner) == ["running"]
    assert folder.control() == {"token": runner.store.get(run_id).token, "stop": False}


def test_a_vanished_worker_is_retried_with_a_new_token_and_not_for_ever(runner):
    (run_id,) = queue(runner)
    for attempt in range(1, 6):
        runner.tick()
        assert runner.store.get(run_id).attempt == attempt
        runner.executor.alive.clear()
    runner.tick()
    run = runner.store.get(run_id)
    assert run.state == "failed"
    assert "gave up after 5 attempts" in run.message
    assert len({token for *_, token in runner.executor.started}) == 5


def test_a_failed_run_keeps_its_reason_and_is_not_retried(runner):
    (run_id,) = queue(runner)
    runner.tick()
    finish(runner, run_id, phase="failed", message="training diverged")
    runner.tick()
    run = runner.store.get(run_id)
    assert (run.state, run.message, run.attempt) == ("failed", "training diverged", 1)


def test_stop_wishes(runner, monkeypatch):
    first, second, third = queue(runner, 3)
    runner.tick()
    for run_id in (first, third):
        runner.store.wish_stop(run_id)
    runner.tick()
    assert runner.store.get(third).state == "stopped", "a queued run stops at once"
    assert runner.folder(runner.store.get(first)).control()["stop"] is True
    finish(runner, first, phase="stopped", message="stopped at epoch 3")
    runner.tick()
    assert runner.store.get(first).state == "stopped"
    monkeypatch.setattr("imae_core.runs.runner.STOP_GRACE_SECONDS", 0.0)
    runner.store.wish_stop(second)
    runner.tick()
    runner.tick()
    assert runner.store.get(second).state == "stopped"
    assert "did not answer" in runner.store.get(second).message
    assert runner.executor.killed


def test_a_hung_worker_is_killed_and_retried(runner, monkeypatch):
    (run_id,) = queue(runner)
    runner.tick()
    run = runner.store.get(run_id)
    runner.folder(run).write_heartbeat({"token": run.token, "time": time.time() - 700, "phase": "training"})
    runner.tick()
    assert runner.executor.killed == [run.token]
    assert "no sign of life" in runner.store.get(run_id).message or runner.store.get(run_id).attempt == 2


def test_deleting_stops_first_and_removes_the_files(runner):
    active, waiting = queue(runner, 2, threads=2)
    runner.tick()
    path = runner.folder(runner.store.get(active)).path
    for run_id in (active, waiting):
        runner.store.wish_delete(run_id)
    runner.tick()
    runner.tick()
    assert [run.run_id for run in runner.store.runs()] == [active]
    finish(runner, active, phase="stopped")
    runner.tick()
    assert runner.store.runs() == []
    assert not path.exists()


def test_an_abandoned_foreground_run_is_not_shown_as_running(runner):
    config = make_config("digits", (1, 8, 8), 1297)
    folder = create_run(runner.home, config)
    runner.store.add(folder.run_id, config, executor="foreground", state="running")
    runner.store.update(folder.run_id, ref={"pid": 2**22 - 1, "created": 1.0})
    runner.tick()
    assert "foreground is gone" in runner.store.get(folder.run_id).message


def test_an_external_runner_is_not_started_here(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    ensure_runner(Store(home))
    assert not (home / "runner.log").exists()


def test_a_worker_whose_reference_was_lost_is_found_again_not_doubled(runner):
    """The runner was killed after it had started the worker, before it could write which."""
    (run_id,) = queue(runner)
    runner.tick()
    run = runner.store.get(run_id)
    runner.store.update(run_id, ref={})
    runner.tick()
    assert runner.store.get(run_id).ref == {"worker": run.token}
    assert len(runner.executor.started) == 1


def test_a_worker_that_never_came_up_is_started_again_after_a_while(runner, monkeypatch):
    (run_id,) = queue(runner)
    runner.tick()
    runner.executor.alive.clear()
    runner.store.update(run_id, ref={})
    runner.tick()
    assert runner.store.get(run_id).state == "starting", "it may be on its way"
    monkeypatch.setattr("imae_core.runs.runner.LOST_SECONDS", 0.0)
    runner.tick()
    assert runner.store.get(run_id).attempt == 2


def test_a_full_disk_pauses_runs_and_room_wakes_them(runner, monkeypatch):
    first, second = queue(runner, 2, threads=2)
    runner.tick()
    monkeypatch.setenv("IMAE_MIN_FREE_MEGABYTES", "1e12")
    finish(runner, first, phase="paused", message="the disk is full")
    runner.tick()
    assert states(runner) == ["paused", "queued"]
    assert "of disk are free" in runner.store.get(first).message
    assert "waits for disk space" in runner.store.get(second).message
    monkeypatch.delenv("IMAE_MIN_FREE_MEGABYTES")
    runner.tick()
    runner.tick()
    run = runner.store.get(first)
    assert (run.state, run.attempt) == ("starting", 1), "a pause is no failed attempt"
    assert [attempt.get("state") for attempt in runner.folder(run).attempts()] == ["paused", None]


def test_a_worker_that_died_of_a_full_disk_without_a_word_is_paused(runner, monkeypatch):
    (run_id,) = queue(runner)
    runner.tick()
    monkeypatch.setenv("IMAE_MIN_FREE_MEGABYTES", "1e12")
    runner.executor.alive.clear()
    runner.tick()
    assert runner.store.get(run_id).state == "paused"


def test_before_a_shutdown_workers_save_and_their_runs_are_queued_again(runner):
    (run_id,) = queue(runner)
    runner.tick()
    assert runner.interrupt()
    run = runner.store.get(run_id)
    assert runner.folder(run).control() == {"token": run.token, "stop": True}
    finish(runner, run_id, phase="stopped")
    runner.interrupt()
    assert not runner.interrupt()
    run = runner.store.get(run_id)
    assert (run.state, run.attempt) == ("queued", 0)
    assert "goes on from where it was" in run.message
    runner.tick()
    assert runner.store.get(run_id).state == "starting"


def test_a_run_can_be_moved_to_the_front(runner):
    _, second, third = queue(runner, 3, threads=2)
    runner.store.move_to_front(third)
    runner.tick()
    assert states(runner) == ["queued", "queued", "starting"]
    runner.store.move_to_front(third)
    assert runner.store.get(third).priority == 1, "only queued runs move"
    runner.store.move_to_front(second)
    finish(runner, third)
    runner.tick()
    runner.tick()
    assert states(runner) == ["queued", "starting", "done"]


def test_slots_are_read_anew_each_round(runner, monkeypatch):
    monkeypatch.delenv("IMAE_CPU_CORES")
    queue(runner, 3, threads=1)
    save_settings(runner.home, RunnerSettings(runs_per_gpu=1, cpu_cores=1))
    runner.tick()
    assert states(runner) == ["starting", "queued", "queued"]
    save_settings(runner.home, RunnerSettings(runs_per_gpu=1, cpu_cores=3))
    runner.tick()
    assert states(runner) == ["starting"] * 3
    with pytest.raises(BadInputError, match="runs per GPU"):
        save_settings(runner.home, RunnerSettings(0, 1))


@pytest.fixture
def grids(runner, monkeypatch):
    monkeypatch.setenv("IMAE_RUNS_TOGETHER", "32")
    return runner


def test_runs_of_one_kind_are_dealt_out_to_the_free_places(grids):
    run_ids = queue(grids, 7)
    (other,) = queue(grids, 1, model={"name": "mlp", "params": {"hidden": 64}})
    grids.tick()
    assert [len(together) for together in grids.executor.together] == [4, 3]
    assert {run_id for together in grids.executor.together for run_id in together} == set(run_ids)
    assert grids.store.get(other).state == "queued"
    slots = [run.slot for run in grids.store.runs("starting")]
    assert {(slot["cores"], slot["together"]) for slot in slots} == {(1, 4), (1, 3)}
    assert len({slot["grid"] for slot in slots}) == len({run.token for run in grids.store.runs("starting")}) == 2


def test_as_many_runs_as_places_train_each_for_itself(grids):
    queue(grids, 2)
    grids.tick()
    assert [len(together) for together in grids.executor.together] == [1, 1]
    assert all("grid" not in run.slot for run in grids.store.runs("starting"))


def test_only_so_many_train_together(grids, monkeypatch):
    monkeypatch.setenv("IMAE_RUNS_TOGETHER", "3")
    queue(grids, 10)
    grids.tick()
    assert [len(together) for together in grids.executor.together] == [3, 3]
    assert states(grids).count("queued") == 4


def test_a_member_that_stops_ends_while_its_worker_lives_on(grids):
    run_ids = queue(grids, 6)
    grids.tick()
    first = next(together for together in grids.executor.together if run_ids[0] in together)
    for run_id in first:
        run = grids.store.get(run_id)
        grids.folder(run).write_heartbeat({"token": run.token, "time": time.time(), "phase": "training"})
    grids.store.wish_stop(run_ids[0])
    grids.tick()
    run = grids.store.get(run_ids[0])
    assert grids.folder(run).control()["stop"]
    grids.folder(run).write_heartbeat({"token": run.token, "time": time.time(), "phase": "stopped", "message": "at 3"})
    grids.tick()
    grids.tick()
    assert (grids.store.get(run_ids[0]).state, grids.store.get(run_ids[0]).message) == ("stopped", "at 3")
    assert grids.executor.killed == []
    assert [grids.store.get(run_id).state for run_id in first[1:]] == ["running"] * (len(first) - 1)
    queue(grids, 1, threads=2)
    grids.tick()
    assert len(grids.executor.started) == 2, "the grid still has its place"


def test_after_a_crash_each_member_is_tried_alone(grids):
    run_ids = queue(grids, 4)
    grids.tick()
    grids.executor.alive.clear()
    grids.tick()
    assert [len(together) for together in grids.executor.together] == [2, 2, 1, 1]
    assert {grids.store.get(run_id).attempt for run_id in run_ids} == {1, 2}


def test_members_share_their_machine_time(grids):
    run_ids = queue(grids, 6)
    grids.tick()
    run = grids.store.get(run_ids[0])
    folder = grids.folder(run)
    (attempt,) = folder.attempts()
    folder.write_attempts([attempt | {"ended": attempt["started"] + 30}])
    assert machine_seconds(folder, run) == pytest.approx(10)


def test_other_groups_and_runs_that_were_started_before_are_no_mates(grids):
    queue(grids, 3)
    other = queue(grids, 3)
    for run_id in other:
        grids.store.update(run_id, group_name="another study")
    (again,) = queue(grids, 1)
    grids.store.update(again, started=1.0)
    grids.tick()
    kinds = [{grids.store.get(run_id).group_name for run_id in together} for together in grids.executor.together]
    assert kinds == [{""}, {"another study"}] or kinds == [{""}, {""}]
    assert all(again not in together or len(together) == 1 for together in grids.executor.together)
    assert max(len(together) for together in grids.executor.together) <= 3


def test_a_grid_that_moves_is_not_killed_for_one_member_that_should_stop(grids, monkeypatch):
    run_ids = queue(grids, 6)
    grids.tick()
    monkeypatch.setattr("imae_core.runs.runner.STOP_GRACE_SECONDS", 0.2)
    run = grids.store.get(run_ids[0])
    grids.store.wish_stop(run_ids[0])
    time.sleep(0.3)
    grids.folder(run).write_heartbeat({"token": run.token, "time": time.time(), "phase": "preparing"})
    grids.tick()
    assert grids.executor.killed == []
    time.sleep(0.3)
    grids.tick()
    assert grids.executor.killed == [run.token]
