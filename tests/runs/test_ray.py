"""Runs on a real Ray cluster of two nodes, each in a network namespace of its own. Needs ray, root and iproute2.

`IMAE_RAY_RUNS` sets how many runs are queued on the two slots (30 in the long form, `make ray-check`).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from tests.conftest import wait_until

pytest.importorskip("ray", reason="needs requirements-ray.txt")
ROOT = Path(__file__).parents[2]
RUNS = int(os.environ.get("IMAE_RAY_RUNS", "4"))
TAG = f"imae{os.getpid()}"
HEAD, NODE = "10.77.0.1", "10.77.0.2"


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


def can_make_namespaces():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    made = ip("netns", "add", f"{TAG}-try", check=False).returncode == 0
    if made:
        ip("netns", "del", f"{TAG}-try")
    return made


class Cluster:
    """A head and a node with one CPU each; `lose` ends everything in one of the namespaces, but for the runner."""

    def __init__(self, home):
        self.home = home
        self.processes = []
        self.folders = []
        for name in "ab":
            ip("netns", "add", f"{TAG}-{name}")
        ip("link", "add", "a0", "netns", f"{TAG}-a", "type", "veth", "peer", "name", "b0", "netns", f"{TAG}-b")
        for name, address in (("a", HEAD), ("b", NODE)):
            ip("-n", f"{TAG}-{name}", "addr", "add", f"{address}/24", "dev", f"{name}0")
            for device in ("lo", f"{name}0"):
                ip("-n", f"{TAG}-{name}", "link", "set", device, "up")

    def run(self, name, command, **variables):
        environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)} | variables
        with (self.home.parent / "ray.log").open("ab") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", f"{TAG}-{name}", *command], env=environment, stdout=log, stderr=log, cwd=ROOT,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def start_head(self):
        self.folders.append(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # its sockets allow only short paths
        self.run("a", [*RAY, "--head", "--port=6379", f"--node-ip-address={HEAD}", f"--dashboard-host={HEAD}",
                       f"--temp-dir={self.folders[-1]}", *SMALL])  # fmt: skip

    def start_node(self):
        self.run("b", [*RAY, f"--address={HEAD}:6379", f"--node-ip-address={NODE}", *SMALL])

    def start_runner(self):
        self.runner = self.run("a", [sys.executable, "-m", "imae_core", "runner", "--for-ever"],
                               IMAE_EXECUTOR="ray", RAY_ADDRESS=f"http://{HEAD}:8265", IMAE_CHECKPOINT_SECONDS="1")  # fmt: skip

    def lose(self, name):
        for word in ip("netns", "pids", f"{TAG}-{name}").stdout.split():
            with suppress(ProcessLookupError):
                if name == "b" or int(word) != self.runner.pid:
                    os.kill(int(word), signal.SIGKILL)

    def close(self):
        for name in "ab":
            for word in ip("netns", "pids", f"{TAG}-{name}", check=False).stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(word), signal.SIGKILL)
        for process in self.processes:
            process.wait(30)
        for name in "ab":
            ip("netns", "del", f"{TAG}-{name}", check=False)
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


RAY = (str(Path(sys.executable).parent / "ray"), "start", "--block")
SMALL = ("--num-cpus=1", "--num-gpus=0", "--object-store-memory=80000000", "--disable-usage-stats")


@pytest.fixture
def cluster(home, monkeypatch):
    if not can_make_namespaces():
        pytest.skip("needs root and network namespaces: Ray listens on every interface")
    monkeypatch.setenv("IMAE_RUNNER", "external")
    monkeypatch.setenv("IMAE_RUNS_TOGETHER", "1")
    cluster = Cluster(home)
    try:
        cluster.start_head()
        wait_until(lambda: nodes() == 1, 90, every=1)
        cluster.start_node()
        wait_until(lambda: nodes() == 2, 60, every=1)
        cluster.start_runner()
        yield cluster
    finally:
        cluster.close()


def nodes():
    """How many nodes the head counts, asked from within its namespace."""
    code = f"import urllib.request as u;print(u.urlopen('http://{HEAD}:8265/api/cluster_status',timeout=3).read().decode())"
    command = ["ip", "netns", "exec", f"{TAG}-a", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return 0
    status = json.loads(done.stdout)["data"]["clusterStatus"]
    return sum(name.startswith("node:10.") for name in status["loadMetricsReport"]["usage"]) if status else 0


def config(**choices):
    return make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, device="cpu", **choices)


def test_a_cluster_carries_out_the_queue_and_survives_the_loss_of_a_node_and_of_its_head(cluster, home):
    store = Store(home)
    most = 0
    submit(home, [config(seed=seed, epochs=3) for seed in range(RUNS)])

    def all_done():
        nonlocal most
        most = max(most, len(store.runs("starting", "running")))
        return len(store.runs("done")) == RUNS

    wait_until(all_done, 60 + 15 * RUNS, every=0.2)
    assert most == 2, "two slots"
    assert [run.attempt for run in store.runs()] == [1] * RUNS
    assert all(run_folder(home, run.run_id).result()["epochs"] == 3 for run in store.runs())

    pair = submit(home, [config(seed=seed, epochs=4000, eval_every=500) for seed in (0, 1)])
    wait_until(lambda: all(run_folder(home, run_id).checkpoint_path.exists() for run_id in pair), 90)
    cluster.lose("b")
    lost = wait_until(lambda: next((run for run in store.runs() if run.attempt == 2), None) or next(
        (run for run in store.runs("queued") if run.run_id in pair), None), 120, every=0.5)  # fmt: skip
    other = next(run_id for run_id in pair if run_id != lost.run_id)
    assert store.get(other).attempt == 1, "the other node's run goes on"
    assert "vanished" in run_folder(home, lost.run_id).attempts()[0]["message"]
    cluster.start_node()
    wait_until(lambda: "going on from epoch" in run_folder(home, lost.run_id).log_tail(), 120)

    before = {run_id: store.get(run_id).attempt for run_id in pair}
    cluster.lose("a")
    wait_until(lambda: "does not answer" in store.get(pair[0]).message, 60)
    cluster.start_head()
    wait_until(lambda: nodes() >= 1, 90, every=1)
    cluster.start_node()
    wait_until(lambda: all(store.get(run_id).attempt > before[run_id] for run_id in pair), 150)
    wait_until(lambda: all(store.get(run_id).state == "running" for run_id in pair), 120)

    for run_id in pair:
        store.wish_stop(run_id)
    wait_until(lambda: all(store.get(run_id).state == "stopped" for run_id in pair), 60)
    assert all(run_folder(home, run_id).checkpoint_path.exists() for run_id in pair)
