"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const drawn = new Set();

function style() {
  const read = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return { text: read("--text"), line: read("--line"), ground: read("--raised") };
}

function themed(layout) {
  const { text, line, ground } = style();
  const result = { ...layout, autosize: true, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { color: text, family: "inherit" }, hoverlabel: { bgcolor: ground, font: { color: text } } };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    result[name] = { ...layout[name], gridcolor: line, zerolinecolor: line, automargin: true };
  }
  return result;
}

function draw(element) {
  const { data, layout } = figures[element.id];
  drawn.add(element);
  const options = { responsive: true, displaylogo: false, toImageButtonOptions: { format: "svg", filename: element.id } };
  Plotly.react(element, data, themed(layout), options);
}

// a sweep has many charts: each is drawn when it comes into view
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
  }
}, { rootMargin: "400px" });
document.querySelectorAll(".chart").forEach((element) => watcher.observe(element));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));

// a link to a run opens its part
function openLinked() {
  const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (part instanceof HTMLDetailsElement) part.open = true;
}
addEventListener("hashchange", openLinked);
openLinked();

async function save(button) {
  const packed = atob(document.getElementById("scores-" + button.dataset.of).textContent);
  const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  const table = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([await new Response(table).arrayBuffer()], { type: "text/csv" }));
  link.download = button.dataset.of + "-examples.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
document.querySelectorAll(".save").forEach((button) => button.addEventListener("click", () => save(button)));
