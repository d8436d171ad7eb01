"""The queue: transitions happen once, wishes are kept, newer files are refused, many may ask at the same time."""

import sqlite3
import threading

import pytest

from imae_core.errors import BadInputError, FormatVersionError
from imae_core.recipes import make_config
from imae_core.runs.store import Store

CONFIG = make_config("digits", (1, 8, 8), 1297)


def add(store, run_id, **options):
    store.add(run_id, CONFIG, executor="local", **options)


def test_a_run_comes_back_as_it_was_put(home):
    store = Store(home)
    add(store, "a", group="sweep")
    run = store.get("a")
    assert (run.config, run.state, run.group_name, run.title) == (
        CONFIG,
        "queued",
        "sweep",
        "CCE · digits · labels as they are · seed 0",
    )
    assert Store(home).runs("queued") == [run]


def test_a_transition_succeeds_only_once(home):
    store = Store(home)
    add(store, "a")
    winners = []
    threads = [
        threading.Thread(target=lambda: winners.append(Store(home).transition("a", ("queued",), "starting")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(winners) == [False] * 7 + [True]


def test_unknown_and_ambiguous_ids(home):
    store = Store(home)
    add(store, "20260101-a")
    add(store, "20260102-b")
    assert store.get("20260101").run_id == "20260101-a"
    with pytest.raises(BadInputError, match="the start of 2 runs"):
        store.get("2026")
    with pytest.raises(BadInputError, match="there is no run 'x'"):
        store.get("x")


def test_the_first_wish_keeps_its_time(home):
    store = Store(home)
    add(store, "a")
    store.wish_stop("a")
    first = store.get("a").stop_wished
    store.wish_stop("a")
    assert store.get("a").stop_wished == first


def test_a_runner_leaves_only_an_empty_queue(home):
    store = Store(home)
    store.runner_enters(1, 2.0)
    add(store, "a")
    assert not store.runner_may_exit()
    store.transition("a", ("queued",), "done")
    assert store.runner_may_exit()
    assert store.runner().state == "exited"
    store.runner_beats(1)
    assert store.runner().state == "exited", "a late sign of life brings nobody back"


def test_a_newer_file_is_refused(home):
    store = Store(home)
    with sqlite3.connect(store.path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(FormatVersionError, match="format version 99"):
        Store(home)
