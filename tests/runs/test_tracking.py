"""MLflow: what it is told, and that nothing it does or fails to do touches a run. A made-up client stands for the package."""

import logging
import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from imae_core.runs import tracking
from imae_core.runs.tracking import params_of, tracked
from tests.runs.folders import made_up_run


class LostError(Exception):
    pass


class Server:
    """What a tracking server remembers; each call fails while `down`."""

    def __init__(self):
        self.runs, self.down, self.calls = {}, False, 0
        self.gate = threading.Event()
        self.gate.set()

    def client(self):
        return Client(self)


class Client:
    def __init__(self, server):
        self.server = server

    def __getattribute__(self, name):
        server = object.__getattribute__(self, "server")
        if name != "server":
            server.calls += 1
            server.gate.wait(10)
            if server.down:
                raise ConnectionError("no server\nand a long story")
        return object.__getattribute__(self, name)

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name):
        return name

    def search_runs(self, experiment_ids, filter_string, max_results):
        run_id = filter_string.split("'")[1]
        return [run for run in self.server.runs.values() if run.tags[tracking.RUN_ID_TAG] == run_id]

    def create_run(self, experiment_id, tags, run_name):
        run_id = f"m{len(self.server.runs)}"
        run = SimpleNamespace(
            info=SimpleNamespace(run_id=run_id), data=SimpleNamespace(metrics={}), tags=tags, name=run_name,
            experiment=experiment_id, params={}, history=[], status="RUNNING",
        )  # fmt: skip
        self.server.runs[run_id] = run
        return run

    def log_batch(self, run_id, metrics=(), params=()):
        run = self.server.runs[run_id]
        run.params |= dict(params)
        for name, value, _, step in metrics:
            run.history.append((name, step, value))
            run.data.metrics[name] = value

    def update_run(self, run_id, status):
        self.server.runs[run_id].status = status

    def set_terminated(self, run_id, status):
        self.server.runs[run_id].status = status


@pytest.fixture
def server(monkeypatch):
    server = Server()
    package, clients, entities = (ModuleType(f"mlflow{end}") for end in ("", ".tracking", ".entities"))
    clients.MlflowClient = server.client
    entities.Metric = lambda *values: values
    entities.Param = lambda *values: values
    for module in (package, clients, entities):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    for name in tracking.QUIET:
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(tracking, "LOOK_SECONDS", 0.01)
    return server


def carried_out(folder, end="done"):
    """Stands for training: everything is in the folder already, and it ends as told."""

    @tracked(lost=LostError)
    def execute(folder):
        if isinstance(end, BaseException):
            raise end
        return end

    return execute(folder)


def test_params_metrics_and_result(home, server):
    run, folder = made_up_run(home)
    assert carried_out(folder) == "done"
    (logged,) = server.runs.values()
    assert (logged.status, logged.experiment, logged.name) == ("FINISHED", "imae", run.title)
    assert (logged.params["loss.params.T"], logged.params["noise.rate"], logged.params["epochs"]) == ("8.0", "0.4", "3")
    accuracies = [(step, value) for name, step, value in logged.history if name == "test_accuracy"]
    assert accuracies == [(1, 0.51), (2, 0.52), (3, 0.53)]
    assert logged.data.metrics["result/final_test_accuracy"] == 0.91
    assert "result/warning" not in logged.data.metrics


def test_unknown_truth_logs_no_nan(home, server):
    carried_out(made_up_run(home, known=False)[1])
    (logged,) = server.runs.values()
    assert all(value == value for _, _, value in logged.history)
    assert "noisy_subset_accuracy" not in logged.data.metrics


def test_a_resumed_run_goes_on_where_it_was(home, server):
    _, folder = made_up_run(home)
    rows = folder.metrics()
    folder.write_metrics(rows.head(2).to_dict("records"))
    carried_out(folder, "stopped")
    (logged,) = server.runs.values()
    assert logged.status == "KILLED"
    assert "result/final_test_accuracy" not in logged.data.metrics
    folder.write_metrics(rows.to_dict("records"))
    carried_out(folder)
    (logged,) = server.runs.values()
    assert [step for name, step, _ in logged.history if name == "epoch"] == [1, 2, 3]
    assert logged.status == "FINISHED"


@pytest.mark.parametrize(
    ("end", "status"),
    [(RuntimeError("diverged"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (LostError(), "RUNNING")],
    ids=["failed", "interrupted", "another worker's"],
)
def test_how_it_ended(home, server, end, status):
    with pytest.raises(type(end)):
        carried_out(made_up_run(home)[1], end)
    assert [run.status for run in server.runs.values()] == [status]


def test_a_server_that_is_down_is_one_line_in_the_log(home, server, caplog, monkeypatch):
    server.down = True
    with caplog.at_level(logging.WARNING):
        assert carried_out(made_up_run(home)[1]) == "done"
    assert [record.getMessage() for record in caplog.records] == [
        "not logged to MLflow (http://127.0.0.1:1): no server"
    ]


def test_a_server_that_hangs_holds_a_run_up_for_a_bounded_time(home, server, monkeypatch):
    monkeypatch.setattr(tracking, "FINISH_SECONDS", 0.1)
    server.gate.clear()
    _, folder = made_up_run(home)
    assert carried_out(folder) == "done"
    assert "did not answer" in folder.log_tail()
    server.gate.set()


def test_runs_of_one_program_wait_for_such_a_server_once_together(home, server, monkeypatch):
    server.gate.clear()
    folders, sending = [made_up_run(home, seed=seed)[1] for seed in range(3)], []
    for folder in folders:
        with tracking.tracking(folder, LostError, sending) as told:
            told("done")
    assert all(tracker.is_alive() for tracker in sending)
    server.gate.set()
    tracking.wait_for(sending)
    assert sorted(run.status for run in server.runs.values()) == ["FINISHED"] * 3


def test_a_missing_package_is_said(home, server, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with caplog.at_level(logging.WARNING):
        assert carried_out(made_up_run(home)[1]) == "done"
    assert "pip install mlflow-skinny" in caplog.text


def test_without_the_variable_nothing_is_asked(home, server, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert carried_out(made_up_run(home)[1]) == "done"
    assert server.calls == 0


def test_long_parameters_are_cut(home):
    run, _ = made_up_run(home)
    noise = run.config.noise.model_copy(update={"params": {"matrix": [[0.5] * 100] * 100}})
    assert len(params_of(run.config.model_copy(update={"noise": noise}))["noise.params.matrix"]) == 500
