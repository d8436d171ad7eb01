"""The review: what the queue shows next, and where its decisions go."""

from typing import Any

import numpy as np
import streamlit as st

from imae_core.analysis.detectors import DETECTORS
from imae_core.errors import BadInputError, ImaeError
from imae_core.review.decisions import parse_entry
from imae_core.review.journal import reviewer_name
from ui import cache, state
from ui.clean.ranking import Ranking
from ui.errors import shown
from ui.figures import COLOR, SERIES
from ui.inspect.view import NO_CLASS, RunView
from ui.review_queue import review_queue

UPCOMING = 14
PAST = 8
HISTORY = 40
MOST_DIGITS = 10
MOST_FEATURES = 300
SMALL_PIXELS = 100
COLORS = {"keep": COLOR["clean"], "relabel": SERIES[0], "drop": COLOR["corrupted"], "unsure": COLOR["all"]}
_HAVE, _ERROR = "review_have", "review_error"


@st.fragment
def draw_queue(ranking: Ranking) -> None:
    """The queue with its controls; only this part of the page is drawn anew after a decision."""
    above = st.container(key="queue")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = st.number_input(
            "From rank", 1, ranking.num_examples, 1, key="review_start", width=130,
            help="The queue shows what is not reviewed from this rank on; 1 is the most suspicious example.",
        )  # fmt: skip
        label = st.selectbox(
            "Given class", [None, *range(ranking.view.num_classes)], key="review_class", width=170,
            format_func=lambda k: "all classes" if k is None else ranking.view.class_name(k),
            help="Reviews only the examples that were given this label.",
        )  # fmt: skip
        reveal = ranking.view.known and st.toggle(
            "Show the true labels", key="review_reveal",
            help="They are known for this run. Without them you see what a reviewer of unknown labels would.",
        )  # fmt: skip
    with above, shown():
        payload = queue_payload(ranking, int(start), label, reveal, st.session_state.get(_HAVE, {}))
        review_queue(payload, key="review_queue", on_sent=receive)
        if _ERROR in st.session_state:
            raise BadInputError(f"not saved: {st.session_state[_ERROR]}")
    st.caption(
        f"Ranked by {ranking.title}, the most suspicious first; bars are probabilities under the final net. **r** takes "
        "the suggestion, a **digit** another class, **k** keeps, **d** drops, **u** notes a doubt, **z** undoes, **←** **→** "
        "look around, **n** goes to the next unreviewed. Each decision is saved at once."
    )


def receive(sent: dict[str, Any]) -> None:
    """Writes what the browser sent into the journal that it was meant for, whatever the page shows by now."""
    st.session_state[_HAVE] = {"view": sent["view"], "indices": sent["have"]}
    st.session_state.pop(_ERROR, None)
    if not sent["entries"]:
        return
    try:
        run_id = state.store().get(sent["review"]["run"]).run_id
        cache.journal(run_id, reviewer_name(sent["review"]["reviewer"])).record(
            [parse_entry(e) for e in sent["entries"]]
        )
    except ImaeError as error:
        st.session_state[_ERROR] = str(error)


def queue_payload(
    ranking: Ranking, start: int, label: int | None, reveal: bool, have: dict[str, Any]
) -> dict[str, Any]:
    """What the component needs: the next unreviewed examples from rank `start` on, and the last decisions.

    Pictures of examples that the browser `have`s in this very view are not sent again.
    """
    view, review = ranking.view, ranking.journal.review()
    index, given = (ranking.suspects[name].to_numpy() for name in ("index", "given_label"))
    of_class = np.ones(len(index), dtype=bool) if label is None else given == label
    reviewed = np.zeros(len(index), dtype=bool)
    reviewed[ranking.rows_of(list(review.decisions))] = True
    rows = ranking.rows[start - 1 :]
    upcoming = rows[(of_class & ~reviewed)[rows]][:UPCOMING]
    history = review.standing[-HISTORY:]
    past = list(dict.fromkeys(entry.index for entry in reversed(history)))[:PAST]
    identity = [view.run_id, ranking.journal.reviewer, *ranking.detectors, str(reveal)]
    held = set(have.get("indices", [])) if have.get("view") == identity else set()
    needed = [row for row in (*upcoming, *ranking.rows_of(past)) if int(index[row]) not in held]
    return {
        "review": {"run": view.run_id, "reviewer": ranking.journal.reviewer},
        "view": identity,
        "classes": [view.class_name(k) for k in range(view.num_classes)],
        "colors": COLORS,
        "items": [_item(ranking, int(row), reveal) for row in needed],
        "upcoming": index[upcoming].tolist(),
        "history": [
            {"key": entry.key, "index": entry.index, "action": entry.action, "label": entry.label} for entry in history
        ],
        "written": review.written,
        "total": int(of_class.sum()),
        "reviewed": int((of_class & reviewed).sum()),
        "note": _note(ranking) if label is None else "",
    }


def _note(ranking: Ranking) -> str:
    estimate = ranking.estimate
    if estimate is None:
        return f"about {ranking.num_suspects:,} labels are probably wrong"
    low, high = (round(rate * ranking.num_examples) for rate in (estimate.low, estimate.high))
    doubtful = ", but that is doubtful: see “How many are wrong?”" if ranking.doubt else ""
    return f"about {estimate.num_wrong:,} labels are probably wrong ({low:,} to {high:,} by chance alone){doubtful}"


def _item(ranking: Ranking, row: int, reveal: bool) -> dict[str, Any]:
    view, record = ranking.view, ranking.suspects.iloc[row]
    index, data = int(record["index"]), view.data
    facts = [("Example", f"{index}"), ("Rank", f"{record['rank']:,} of {ranking.num_examples:,}")]
    facts += [(DETECTORS[name].title, f"{record[name]:.3f}") for name in ranking.detectors]
    facts += [("Predicted at the end", view.class_name(int(record["predicted"])))]
    if reveal:
        facts.append(("True label", view.class_name(int(record["true_label"])) or NO_CLASS))
    return {
        "index": index,
        "rank": int(record["rank"]),
        "given": int(record["given_label"]),
        "suggested": int(record["suggested_label"]),
        "picture": view.picture(row),
        "small": data is not None and data.is_image and max(data.input_shape[1:]) < SMALL_PIXELS,
        "rows": _features(view, index, row),
        "choices": _choices(view, row),
        "facts": facts,
    }


def _features(view: RunView, index: int, row: int) -> list[tuple[str, str]]:
    if view.data is None or view.inputs is None:
        return [("example", str(index)), ("its data", "not here any more")]
    if view.data.is_image:
        return []
    values = view.inputs[row].ravel()
    names = view.data.feature_names or [f"feature {place}" for place in range(len(values))]
    rows = [(name, f"{value:.5g}") for name, value in zip(names, values[:MOST_FEATURES], strict=False)]
    if len(values) > MOST_FEATURES:
        rows.append((f"and {len(values) - MOST_FEATURES:,} more", ""))
    return rows


def _choices(view: RunView, row: int) -> list[dict[str, Any]]:
    """Classes with a digit to press: each its own where ten digits are enough, else the nine most probable."""
    probs = view.status.folder.array("pred_probs")
    values = None if probs is None else np.asarray(probs[row], dtype=np.float64)
    if view.num_classes <= MOST_DIGITS:
        labels, first = range(view.num_classes), 0
    else:
        labels, first = [] if values is None else np.argsort(-values)[: MOST_DIGITS - 1].tolist(), 1
    return [
        {"key": str(place), "label": label, "probability": None if values is None else float(values[label])}
        for place, label in enumerate(labels, first)
    ]
