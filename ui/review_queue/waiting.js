// Decisions that wait for the server's word, kept where a reload or a crash of the app finds them.

const randomName = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (part) => part.toString(16)).join("");
const waits = (data, entry) => entry.number > (data.written[entry.writer] ?? 0);
const prefix = (review) => `imae-review/${review.run}/${review.reviewer}/`;

function readStored(review) {
  const found = [];
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(prefix(review))) found.push(...JSON.parse(localStorage.getItem(key)));
    }
  } catch (error) {
    console.warn("The browser keeps no unsaved decisions:", error);
  }
  return found.sort((a, b) => a.time - b.time || a.number - b.number);
}

// Another tab's entries stay until the server has them all: that tab may live, and write more of them.
function store(q) {
  try {
    const own = prefix(q.data.review) + q.writer;
    for (const key of Object.keys(localStorage)) {
      if (key === own || !key.startsWith(prefix(q.data.review))) continue;
      if (!JSON.parse(localStorage.getItem(key)).some((entry) => waits(q.data, entry))) localStorage.removeItem(key);
    }
    const entries = q.pending.filter((entry) => entry.writer === q.writer);
    if (entries.length) localStorage.setItem(own, JSON.stringify(entries));
    else localStorage.removeItem(own);
  } catch (error) {
    console.warn("The browser keeps no unsaved decisions:", error);
  }
}

function send(q) {
  q.sentAt = Date.now();
  if (q.pending.length) q.sentSince ??= q.sentAt;
  try {
    q.trigger("sent", { review: q.data.review, view: q.data.view, entries: q.pending, have: [...q.items.keys()], at: q.sentAt });
  } catch (error) {
    console.warn("The server is not there; this is sent again:", error);
  }
}

function add(q, entry) {
  q.number += 1;
  q.pending.push({ writer: q.writer, number: q.number, time: Date.now() / 1000, ...entry });
  store(q);
  send(q);
  render(q);
}

