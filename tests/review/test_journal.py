"""Journals: nothing confirmed is ever lost, whoever dies; nothing is counted twice."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from imae_core.errors import BadInputError, FormatVersionError, RunError
from imae_core.review import Entry, Journal, Review, list_reviewers
from imae_core.review.agreement import compare_reviews
from imae_core.review.decisions import parse_entry
from imae_core.review.journal import reviewer_name


@pytest.fixture
def journal(home):
    return Journal(home, "run-1", "Ada")


def standing(journal):
    return {index: (entry.action, entry.label) for index, entry in journal.review().decisions.items()}


def test_decisions_and_undo(journal):
    journal.decide(4, "relabel", 7)
    journal.decide(9, "keep")
    journal.decide(4, "drop")
    assert standing(journal) == {4: ("drop", None), 9: ("keep", None)}
    assert journal.undo().action == "drop"
    assert standing(journal) == {4: ("relabel", 7), 9: ("keep", None)}, "an earlier decision stands again"
    journal.undo()
    journal.undo()
    assert journal.undo() is None
    assert len(journal.review().entries) == 6, "history is kept"


def test_it_is_resumed_by_another_object_and_reviewers_are_apart(home, journal):
    journal.decide(1, "unsure")
    other = Journal(home, "run-1", "Ada")
    assert standing(other) == {1: ("unsure", None)}
    other.decide(2, "keep")
    assert standing(journal) == standing(other)
    assert standing(Journal(home, "run-1", "Grace")) == {}
    Journal(home, "run-1", "Grace").decide(1, "keep")
    assert list_reviewers(home, "run-1") == ["Ada", "Grace"]
    assert list_reviewers(home, "run-2") == []


def test_entries_sent_again_count_once(journal):
    first = [Entry("tab", number, "keep", number) for number in (1, 2)]
    journal.record(first)
    journal.record([*first, Entry("tab", 3, "drop", 3)])
    assert [entry.number for entry in journal.review().entries] == [1, 2, 3]
    assert journal.review().written == {"tab": 3}


def test_a_torn_last_line_is_left_out_and_written_over(home, journal):
    journal.decide(1, "keep")
    with journal.path.open("ab") as file:
        file.write(b'{"writer": "tab", "number": 1, "act')
    torn = Journal(home, "run-1", "Ada")
    assert standing(torn) == {1: ("keep", None)}
    torn.decide(2, "drop")
    assert standing(Journal(home, "run-1", "Ada")) == {1: ("keep", None), 2: ("drop", None)}


def test_a_damaged_line_is_never_passed_over(home, journal):
    journal.decide(1, "keep")
    with journal.path.open("ab") as file:
        file.write(b"\x00\x00\x00\n")
    with pytest.raises(RunError, match="damaged line"):
        Journal(home, "run-1", "Ada").review()


def test_a_newer_format_is_refused(home, journal):
    journal.path.parent.mkdir(parents=True)
    journal.path.write_text(json.dumps({"format_version": 99}) + "\n")
    with pytest.raises(FormatVersionError, match="update the program"):
        journal.review()


def test_killed_in_the_middle_it_keeps_all_that_was_confirmed(home):
    code = (
        "import itertools, sys; from pathlib import Path; from imae_core.review import Entry, Journal\n"
        f"journal = Journal(Path({str(home)!r}), 'run-1', 'Ada')\n"
        "for number in itertools.count(1):\n"
        "    journal.record([Entry('tab', number, 'keep', number)])\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    confirmed = [int(process.stdout.readline()) for _ in range(60)]
    os.kill(process.pid, signal.SIGKILL)
    confirmed += [int(line) for line in process.stdout.read().splitlines()]
    process.wait(10)
    assert set(confirmed) <= set(standing(Journal(home, "run-1", "Ada")))


def test_two_tabs_write_at_once(home):
    journals = [Journal(home, "run-1", "Ada") for _ in range(2)]

    def work(place):
        for number in range(1, 41):
            journals[place].record([Entry(f"tab{place}", number, "keep", 100 * place + number)])

    threads = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Journal(home, "run-1", "Ada").review().written == {"tab0": 40, "tab1": 40}


@pytest.mark.parametrize("name", ["", "../ada", "a/b", ".hidden", "a" * 41, "ada\n.", "a\x00b", "trailing."])
def test_names_that_are_no_file_names(name):
    with pytest.raises(BadInputError, match="a reviewer's name"):
        reviewer_name(name)


def test_names_of_people():
    assert reviewer_name("  Zoë   Öz-1 ") == "Zoë Öz-1"
    assert reviewer_name("a") == "a"


@pytest.mark.parametrize(
    "values",
    [
        {"action": "burn"}, {"number": 0}, {"index": -1}, {"index": "7"}, {"action": "relabel"},
        {"action": "relabel", "label": 10}, {"label": 3}, {"action": "undo"}, {"target": "tab-1"}, {"writer": None},
    ],
)  # fmt: skip
def test_entries_that_are_none(values):
    with pytest.raises(BadInputError):
        parse_entry({"writer": "tab", "number": 1, "action": "keep", "index": 0} | values, num_classes=10)


def test_agreement():
    ada = Review((Entry("a", 1, "keep", 1), Entry("a", 2, "relabel", 2, label=3), Entry("a", 3, "unsure", 3)))
    grace = Review((Entry("g", 1, "keep", 1), Entry("g", 2, "relabel", 2, label=4), Entry("g", 3, "drop", 3)))
    table = compare_reviews({"Ada": ada, "Grace": grace, "Alan": Review((Entry("x", 1, "keep", 9),))})
    assert table["index"].tolist() == [1, 2, 3], "what one alone has decided is not compared"
    assert table["agree"].tolist() == [True, False, True], "whoever is unsure contradicts nobody"
    assert table.loc[1, ["Ada", "Grace", "Alan"]].tolist() == ["relabel to 3", "relabel to 4", None]
    assert compare_reviews({}).empty
