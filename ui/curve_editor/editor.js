// A weighting curve drawn by its points: drag them, or focus one and use the arrow keys.

const H = 280, LEFT = 44, RIGHT = 12, TOP = 22, BOTTOM = 40;
const MOST = 50, GAP = 0.005;
const TEMPLATE = `
  <svg height="${H}" role="group" aria-label="Weight against p"><g class="back"></g><path class="curve"></path><g class="handles"></g><text class="told"></text></svg>
  <div class="tools"><button class="add" title="In the widest gap; or double-click where it should be">Add a point</button>
  <button class="drop" title="Takes the chosen point away (Delete)">Remove point</button><span class="hint">Drag the points, or choose one and use the arrow keys.</span></div>`;

const make = (tag, attributes, parent) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent?.appendChild(made);
  return made;
};
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const x = (e, p) => LEFT + p * (e.width - LEFT - RIGHT);
const y = (e, weight) => H - BOTTOM - (weight / e.top) * (H - TOP - BOTTOM);

// -- the curve: the same monotone cubic as imae_core/drawn.py ---------------------------------------------------------

function slopes(points) {
  const n = points.length;
  const steps = points.slice(1).map(([p], i) => p - points[i][0]);
  const rises = points.slice(1).map(([, w], i) => (w - points[i][1]) / steps[i]);
  if (n === 2) return [rises[0], rises[0]];
  const end = (h, next, rise, nextRise) => {
    const slope = ((2 * h + next) * rise - h * nextRise) / (h + next);
    if (slope * rise <= 0) return 0;
    return rise * nextRise <= 0 && Math.abs(slope) > 3 * Math.abs(rise) ? 3 * rise : slope;
  };
  const found = points.map((_, i) => {
    if (i === 0 || i === n - 1 || rises[i - 1] * rises[i] <= 0) return 0;
    const left = 2 * steps[i] + steps[i - 1], right = steps[i] + 2 * steps[i - 1];
    return (left + right) / (left / rises[i - 1] + right / rises[i]);
  });
  found[0] = end(steps[0], steps[1], rises[0], rises[1]);
  found[n - 1] = end(steps[n - 2], steps[n - 3], rises[n - 2], rises[n - 3]);
  return found;
}

function sampled(points, smooth) {
  if (!smooth) return points;
  const slope = slopes(points), found = [];
  for (let i = 0; i + 1 < points.length; i += 1) {
    const [[p, w], [next, nextW]] = [points[i], points[i + 1]], h = next - p;
    const count = Math.max(2, Math.ceil(120 * h));
    for (let k = 0; k <= count; k += 1) {
      const t = k / count, u = 1 - t;
      found.push([p + t * h, w * u * u * (1 + 2 * t) + nextW * t * t * (3 - 2 * t) + h * (slope[i] * t * u * u - slope[i + 1] * t * t * u)]);
    }
  }
  return found;
}

// -- drawing ----------------------------------------------------------------------------------------------------------

function ticks(top) {
  const rough = top / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
}

function drawBack(e) {
  const back = e.part(".back");
  back.replaceChildren();
  for (const weight of ticks(e.top)) {
    make("line", { class: "grid", x1: x(e, 0), x2: x(e, 1), y1: y(e, weight), y2: y(e, weight) }, back);
    make("text", { x: LEFT - 6, y: y(e, weight) + 4, "text-anchor": "end" }, back).textContent = Number(weight.toPrecision(3));
  }
  for (const p of [0, 0.25, 0.5, 0.75, 1]) make("text", { x: x(e, p), y: H - BOTTOM + 16, "text-anchor": "middle" }, back).textContent = p;
  make("text", { x: x(e, 0.5), y: H - 6, "text-anchor": "middle" }, back).textContent = "p, probability of the given label";
  make("text", { x: 2, y: 12 }, back).textContent = "weight";
  for (const { color, shares } of Object.values(e.data.histogram)) {
    const width = (x(e, 1) - x(e, 0)) / shares.length;
    shares.forEach((share, i) => make("rect", {
      class: "bar", fill: color, x: x(e, 0) + i * width, width, y: H - BOTTOM - share * (H - TOP - BOTTOM), height: share * (H - TOP - BOTTOM),
    }, back));
  }
}

function draw(e) {
  const color = e.data.color || "var(--st-primary-color)";
  const line = sampled(e.points, e.data.smooth).map(([p, w], i) => `${i ? "L" : "M"}${x(e, p).toFixed(1)} ${y(e, w).toFixed(1)}`);
  e.part(".curve").setAttribute("d", line.join(""));
  e.part(".curve").style.stroke = color;
  const group = e.part(".handles");
  while (group.children.length > e.points.length) group.lastChild.remove();
  while (group.children.length < e.points.length) addHandle(e, group);
  e.points.forEach(([p, weight], i) => {
    const handle = group.children[i];
    handle.setAttribute("transform", `translate(${x(e, p)} ${y(e, weight)})`);
    handle.setAttribute("aria-valuetext", `p ${p}, weight ${weight}`);
    handle.setAttribute("aria-valuenow", weight);
    handle.setAttribute("aria-label", `Point ${i + 1} of ${e.points.length}`);
    handle.querySelector(".dot").style.fill = color;
  });
  const chosen = e.points[e.chosen], told = e.part(".told");
  told.textContent = chosen ? `p = ${chosen[0]}, weight = ${chosen[1]}` : "";
  told.setAttribute("x", e.width - RIGHT);
  told.setAttribute("y", 12);
  told.setAttribute("text-anchor", "end");
  e.part(".drop").disabled = !(e.chosen > 0 && e.chosen < e.points.length - 1);
  e.part(".add").disabled = e.points.length >= MOST;
}

function addHandle(e, group) {
  const handle = make("g", { class: "handle", tabindex: 0, role: "slider", "aria-valuemin": 0 }, group);
  make("circle", { class: "grip", r: 18 }, handle);
  make("circle", { class: "dot", r: 7 }, handle);
  const place = () => [...group.children].indexOf(handle);
  handle.addEventListener("focus", () => { e.chosen = place(); draw(e); });
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("held");
    handle.focus();
    e.held = true;
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => { if (e.held) move(e, place(), ...where(e, event)); });
  for (const name of ["pointerup", "pointercancel"]) {
    handle.addEventListener(name, () => {
      if (!e.held) return;
      e.held = false;
      handle.classList.remove("held");
      rescale(e);
      tell(e);
    });
  }
  handle.addEventListener("keydown", (event) => pressed(e, place(), event));
}

// -- changes ----------------------------------------------------------------------------------------------------------

function where(e, event) {
  const box = e.part("svg").getBoundingClientRect();
  const [left, top] = [event.clientX - box.left, event.clientY - box.top];
  return [(left - LEFT) / (e.width - LEFT - RIGHT), ((H - BOTTOM - top) / (H - TOP - BOTTOM)) * e.top];
}

function move(e, place, p, weight) {
  const last = e.points.length - 1;
  const free = place === 0 ? 0 : place === last ? 1 : clamp(p, e.points[place - 1][0] + GAP, e.points[place + 1][0] - GAP);
  e.points[place] = [Number(free.toFixed(4)), Number(clamp(weight, 0, 1e6).toPrecision(4))];
  draw(e);
}

function pressed(e, place, event) {
  const steps = event.shiftKey ? 5 : 1;
  const [right, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
  if (event.key === "Delete" || event.key === "Backspace") drop(e);
  else if (right || up) move(e, place, e.points[place][0] + 0.01 * steps * right, e.points[place][1] + (e.top / 50) * steps * up);
  else return;
  event.preventDefault();
  event.stopPropagation();
  later(e);
}

function later(e) {
  clearTimeout(e.timer);
  e.timer = setTimeout(() => { rescale(e); tell(e); }, 400);
}

function drop(e) {
  if (!(e.chosen > 0 && e.chosen < e.points.length - 1)) return;
  e.points.splice(e.chosen, 1);
  draw(e);
}

function add(e, p, weight) {
  const place = e.points.findIndex(([other]) => other > p);
  const near = e.points.some(([other]) => Math.abs(other - p) < 2 * GAP);
  if (place < 1 || near || e.points.length >= MOST) return;
  e.points.splice(place, 0, [0, 0]);
  e.chosen = place;
  move(e, place, p, weight);
  later(e);
}

function addInGap(e) {
  const gaps = e.points.slice(1).map(([p], i) => p - e.points[i][0]);
  const widest = gaps.indexOf(Math.max(...gaps));
  const middle = e.points[widest][0] + gaps[widest] / 2;
  const line = sampled(e.points, e.data.smooth);
  const after = Math.max(1, line.findIndex(([p]) => p >= middle));
  const [[p, w], [next, nextW]] = [line[after - 1], line[after]];
  add(e, middle, next > p ? w + ((nextW - w) * (middle - p)) / (next - p) : w);
}

// the axis only moves when nothing is held: a point would run away from under the finger
function rescale(e) {
  const most = Math.max(...e.points.map(([, weight]) => weight), 1e-6);
  e.top = most > 0.95 * e.top || most < 0.5 * e.top ? 1.25 * most : e.top;
  drawBack(e);
  draw(e);
}

function tell(e) {
  e.setStateValue("points", e.points.map((point) => [...point]));
}

function build(parentElement) {
  const root = document.createElement("div");
  root.className = "editor";
  root.innerHTML = TEMPLATE;
  parentElement.appendChild(root);
  const e = { root, part: (name) => root.querySelector(name), chosen: -1, held: false, top: 1, width: 400 };
  root.editor = e;
  new ResizeObserver(() => {
    if (!root.clientWidth || root.clientWidth === e.width) return;
    e.width = root.clientWidth;
    if (e.points) rescale(e);
  }).observe(root);
  e.part(".add").addEventListener("click", () => addInGap(e));
  e.part(".drop").addEventListener("click", () => { drop(e); later(e); });
  e.part("svg").addEventListener("dblclick", (event) => add(e, ...where(e, event)));
  return e;
}

export default function ({ data, parentElement, setStateValue }) {
  const e = parentElement.querySelector(".editor")?.editor ?? build(parentElement);
  e.setStateValue = setStateValue;
  e.data = data;
  // what comes back from the server is an echo of our own, unless it was changed elsewhere
  if (e.revision !== data.revision) {
    e.revision = data.revision;
    e.points = data.points.map((point) => [...point]);
  }
  if (e.held) return;
  rescale(e);
  return () => clearTimeout(e.timer);
}
