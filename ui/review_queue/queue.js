// The review of suspicious labels: one example at a time, by keyboard or mouse.
//
// A decision shows at once and waits in `pending`, also in the browser's storage, until the server says that it is on
// its disk. All that waits is sent together, with the writer's running numbers: what arrives twice counts once.

const TEMPLATE = `
  <div class="top"><div class="bar"><div class="done"></div></div><span class="count"></span><span class="saved" role="status"></span></div>
  <div class="empty"></div>
  <div class="desk">
    <div class="picture"></div>
    <div class="labels"><div class="headline"></div><div class="choices"></div></div>
    <div class="side"><div class="buttons"></div><dl class="facts"></dl></div>
  </div>
  <div class="strip" role="list" aria-label="Examples before and after this one"></div>`;
const RETRY_MILLISECONDS = 2500;
const PATIENCE_MILLISECONDS = 6000;
const PAST = 8;
const MARKS = { keep: "✓", relabel: "→", drop: "✗", unsure: "?" };

const element = (tag, name, text) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
};

// -- what is so, the waiting entries counted in ---------------------------------------------------------------------

function situation(q) {
  let standing = [...q.data.history];
  for (const entry of q.pending) {
    if (entry.action === "undo") standing = standing.filter((other) => other.key !== entry.target);
    else standing.push({ ...entry, key: `${entry.writer}-${entry.number}` });
  }
  const decisions = new Map(standing.map((entry) => [entry.index, entry]));
  const undone = q.pending.filter((entry) => entry.action === "undo").map((entry) => entry.index);
  const upcoming = [...new Set([...undone, ...q.data.upcoming])].filter((index) => q.items.has(index) && !decisions.has(index));
  upcoming.sort((a, b) => q.items.get(a).rank - q.items.get(b).rank);
  const past = [...new Set(standing.map((entry) => entry.index).reverse())].filter((index) => q.items.has(index)).slice(0, PAST).reverse();
  const sequence = [...past, ...upcoming];
  const current = sequence.includes(q.cursor) ? q.cursor : upcoming[0] ?? null;
  const saved = new Set(q.data.history.map((entry) => entry.index));
  const fresh = new Set(q.pending.filter((entry) => entry.action !== "undo" && decisions.has(entry.index) && !saved.has(entry.index)).map((entry) => entry.index));
  const gone = new Set(undone.filter((index) => !decisions.has(index)));
  return { standing, decisions, upcoming, sequence, current, reviewed: q.data.reviewed + fresh.size - gone.size };
}

function decide(q, action, label) {
  const { current, upcoming } = situation(q);
  if (current === null) return;
  const item = q.items.get(current);
  if (action === "relabel" && label === item.given) [action, label] = ["keep", undefined];
  q.cursor = upcoming[upcoming.indexOf(current) + 1] ?? null;
  add(q, { action, index: current, ...(action === "relabel" ? { label } : {}) });
}

function undo(q) {
  const last = situation(q).standing.at(-1);
  if (!last) return;
  q.cursor = last.index;
  add(q, { action: "undo", index: last.index, target: last.key });
}

function go(q, steps) {
  const { sequence, current } = situation(q);
  q.cursor = sequence[sequence.indexOf(current) + steps] ?? current;
  render(q);
}

function commands(q, item) {
  const suggests = item.suggested !== item.given;
  return [
    { key: "r", name: suggests ? `Relabel to ${q.data.classes[item.suggested]}` : "No suggestion", kind: "relabel", off: !suggests,
      hint: "Takes the suggestion: the most probable other class", run: () => decide(q, "relabel", item.suggested) },
    { key: "k", name: `Keep ${q.data.classes[item.given]}`, kind: "keep", hint: "The given label is right", run: () => decide(q, "keep") },
    { key: "d", name: "Drop", kind: "drop", hint: "Leaves the example out of the repaired data set", run: () => decide(q, "drop") },
    { key: "u", name: "Unsure", kind: "unsure", hint: "Keeps the given label, and notes the doubt", run: () => decide(q, "unsure") },
  ];
}

function pressed(q, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !q.data || !q.root.isConnected) return;
  const focused = q.root.getRootNode().activeElement ?? document.activeElement;
  if (focused?.closest("input, textarea, select, [contenteditable=true], [role=combobox], [role=dialog]")) return;
  if (event.key.startsWith("Arrow") && focused?.closest("[role=radio], [role=tab], [role=slider]")) return;
  const { current } = situation(q);
  const item = q.items.get(current);
  const key = event.key.toLowerCase();
  let run = { z: () => undo(q), arrowleft: () => go(q, -1), arrowright: () => go(q, 1), n: () => { q.cursor = null; render(q); } }[key];
  if (item) {
    const command = commands(q, item).find((one) => one.key === key && !one.off);
    const choice = item.choices.find((one) => one.key === key);
    run ??= command?.run ?? (choice && (() => decide(q, "relabel", choice.label)));
  }
  if (!run && key !== "r") return;
  event.preventDefault();
  event.stopImmediatePropagation(); // Streamlit reruns the page on "r"
  if (!event.repeat || key.startsWith("arrow")) run?.();
}

// -- drawing --------------------------------------------------------------------------------------------------------

function button(name, command) {
  const made = element("button", name);
  made.append(element("span", "name", command.name), element("kbd", "", command.key.toUpperCase()));
  made.title = command.hint;
  made.disabled = Boolean(command.off);
  made.onclick = command.run;
  return made;
}

function drawPicture(box, item) {
  if (item.picture) {
    const picture = element("img", item.small ? "small" : "");
    picture.src = item.picture;
    picture.alt = `example ${item.index}`;
    box.replaceChildren(picture);
    return;
  }
  const table = element("table");
  for (const [name, value] of item.rows) {
    const row = element("tr");
    row.append(element("th", "", name), element("td", "", value));
    table.append(row);
  }
  box.replaceChildren(table);
}

function drawChoices(q, box, item) {
  const rows = item.choices.map(({ key, label, probability }) => {
    const row = element("button", "choice" + (label === item.given ? " given" : label === item.suggested ? " suggested" : ""));
    const level = element("span", "level");
    level.style.width = `${100 * (probability ?? 0)}%`;
    const bar = element("span", "probability");
    bar.append(level);
    row.append(element("kbd", "", key), element("span", "name", q.data.classes[label]), bar,
      element("span", "number", probability === null ? "" : probability.toFixed(3)));
    row.title = label === item.given ? "The given label: keep it" : `Relabel to ${q.data.classes[label]}`;
    row.onclick = () => decide(q, "relabel", label);
    return row;
  });
  if (item.choices.length < q.data.classes.length) {
    const others = element("select");
    others.setAttribute("aria-label", "Relabel to another class");
    others.append(new Option("another class …", ""), ...q.data.classes.map((name, label) => new Option(name, label)));
    others.onchange = () => { others.blur(); q.root.focus(); decide(q, "relabel", Number(others.value)); };
    rows.push(others);
  }
  box.replaceChildren(...rows);
}

function drawStrip(q, box, { sequence, decisions, current }) {
  box.replaceChildren(...sequence.map((index) => {
    const item = q.items.get(index);
    const decision = decisions.get(index);
    const tile = element("button", "tile" + (index === current ? " current" : "") + (decision ? " decided" : ""));
    tile.setAttribute("role", "listitem");
    tile.title = `example ${index}, rank ${item.rank}` + (decision ? `: ${decision.action}` : "");
    if (item.picture) {
      const picture = element("img", item.small ? "small" : "");
      picture.src = item.picture;
      picture.alt = "";
      tile.append(picture);
    } else tile.append(element("span", "row", index));
    if (decision) {
      const mark = element("span", "mark", MARKS[decision.action] + (decision.action === "relabel" ? ` ${q.data.classes[decision.label]}` : ""));
      mark.style.background = q.data.colors[decision.action];
      tile.append(mark);
    }
    tile.onclick = () => { q.cursor = index; q.root.focus({ preventScroll: true }); render(q); };
    return tile;
  }));
}

function render(q) {
  const part = (name) => q.root.querySelector(name);
  const now = situation(q);
  const item = q.items.get(now.current);
  part(".done").style.width = `${(100 * now.reviewed) / Math.max(q.data.total, 1)}%`;
  part(".count").textContent = `${now.reviewed.toLocaleString("en")} of ${q.data.total.toLocaleString("en")} reviewed` + (q.data.note ? ` · ${q.data.note}` : "");
  drawSaved(q);
  part(".desk").style.display = item ? "" : "none";
  part(".empty").textContent = item ? "" : now.reviewed >= q.data.total || !q.data.upcoming.length ? "Nothing is left to review from here on. Go to an earlier rank, or use the result under Repair." : "The next examples are on their way …";
  drawStrip(q, part(".strip"), now);
  if (!item) return;
  const decision = now.decisions.get(item.index);
  drawPicture(part(".picture"), item);
  const given = element("b", "", q.data.classes[item.given]);
  const suggested = element("b", "", q.data.classes[item.suggested]);
  part(".headline").replaceChildren(...(item.suggested === item.given ? ["Labelled ", given] : ["Labelled ", given, " — rather ", suggested, "?"]));
  drawChoices(q, part(".choices"), item);
  const buttons = commands(q, item).map((command) => button(`act ${command.kind}` + (decision?.action === command.kind ? " taken" : ""), command));
  const undoing = { key: "z", name: "Undo", hint: "Takes the last decision back", off: !now.standing.length, run: () => undo(q) };
  const nexting = { key: "n", name: "Next unreviewed", hint: "Goes on where the ranking has not been reviewed", off: now.current === now.upcoming[0], run: () => { q.cursor = null; render(q); } };
  part(".buttons").replaceChildren(...buttons, button("minor", undoing), button("minor", nexting));
  part(".facts").replaceChildren(...item.facts.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
}

function drawSaved(q) {
  const late = q.pending.length && q.sentSince && Date.now() - q.sentSince > PATIENCE_MILLISECONDS;
  const box = q.root.querySelector(".saved");
  box.classList.toggle("late", Boolean(late));
  box.dataset.pending = q.pending.length;
  box.textContent = late ? `${q.pending.length} not saved yet: the server does not answer. They wait in this browser.` : q.pending.length ? `Saving ${q.pending.length} …` : "All saved";
}

// -- life -----------------------------------------------------------------------------------------------------------

function begin(parentElement) {
  const root = element("div", "queue");
  root.tabIndex = 0;
  root.innerHTML = TEMPLATE;
  parentElement.appendChild(root);
  const q = { root, data: null, items: new Map(), pending: [], cursor: null, writer: randomName(), number: 0, asked: 0, calls: 0 };
  q.onKey = (event) => pressed(q, event);
  q.onTime = () => {
    if (!q.pending.length) return;
    if (Date.now() - q.sentAt > RETRY_MILLISECONDS) send(q);
    drawSaved(q);
  };
  root.queue = q;
  root.focus({ preventScroll: true });
  return q;
}

// Streamlit ends a call that a later one overtakes, maybe after that one has begun: only the last call's end counts.
function listen(q) {
  unlisten(q);
  window.addEventListener("keydown", q.onKey, true);
  q.timer = setInterval(q.onTime, 500);
  q.calls += 1;
  const call = q.calls;
  return () => { if (q.calls === call) unlisten(q); };
}

function unlisten(q) {
  window.removeEventListener("keydown", q.onKey, true);
  clearInterval(q.timer);
}

function take(q, data) {
  const same = (name) => q.data && JSON.stringify(q.data[name]) === JSON.stringify(data[name]);
  if (!same("review")) [q.pending, q.cursor] = [readStored(data.review), null];
  if (!same("view")) q.items.clear();
  q.data = data;
  for (const item of data.items) q.items.set(item.index, item);
  q.pending = q.pending.filter((entry) => waits(data, entry));
  store(q);
  const { sequence } = situation(q);
  const needed = [...data.upcoming, ...sequence];
  if (q.items.size > 100) for (const index of [...q.items.keys()]) if (!needed.includes(index)) q.items.delete(index);
  if (!q.pending.length) q.sentSince = null;
  const missing = data.upcoming.some((index) => !q.items.has(index));
  q.asked = missing ? q.asked + 1 : 0;
  if ((q.pending.length && !q.sentSince) || (missing && q.asked < 4)) send(q);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const q = parentElement.querySelector(".queue")?.queue ?? begin(parentElement);
  q.trigger = setTriggerValue;
  take(q, data);
  render(q);
  return listen(q);
}
