// All epochs of a run at once: the distributions, the curve and the course of the gradient follow a slider in the browser.

const TEMPLATE = `
  <div class="imae-bar">
    <button class="play" title="Play through the epochs" aria-label="Play">▶</button>
    <input class="slider" type="range" aria-label="Epoch" title="Drag, or use the arrow keys" />
    <output class="epoch"></output>
    <select class="quantity" aria-label="Quantity" title="What the distribution on the left is of"></select>
    <label title="Shows small groups beside large ones"><input class="log" type="checkbox" /> log</label>
    <label title="Each population as shares of itself, instead of counts"><input class="density" type="checkbox" /> density</label>
  </div>
  <p class="imae-finding"></p>
  <div class="imae-plots">
    <div><h6 class="hist-title"></h6><div class="imae-hist"></div></div>
    <div><h6 class="curve-title"></h6><div class="imae-curve"></div></div>
  </div>
  <h6 class="share-title"></h6><div class="imae-share"></div>`;

function centres({ low, high }, bins) {
  return Array.from({ length: bins }, (_, i) => low + ((i + 0.5) * (high - low)) / bins);
}

function bars(data, quantity, place, density, extra) {
  const { edges, populations } = data.quantities[quantity];
  return Object.entries(populations).map(([name, { counts }]) => {
    const values = counts[place];
    const sum = values.reduce((total, value) => total + value, 0);
    return {
      type: "bar", name: `${name} (${sum.toLocaleString("en")})`, x: centres(edges, values.length),
      y: density ? values.map((value) => value / Math.max(sum, 1)) : values,
      width: (edges.high - edges.low) / values.length, marker: { color: data.colors[name], line: { width: 0 } }, opacity: 0.6, ...extra,
    };
  });
}

const LEGEND = { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, xanchor: "left" };
const MARGIN = { l: 56, r: 14, t: 26, b: 42 };

function histogram(data, view) {
  const { edges, populations, axis } = data.quantities[view.quantity];
  const shapes = [], annotations = [];
  Object.entries(populations).forEach(([name, { medians }], row) => {
    const x = medians[view.place];
    if (x === null) return;
    const line = { color: data.colors[name], dash: "dash", width: 2 };
    shapes.push({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line });
    annotations.push({
      x: Math.min(Math.max(x, edges.low), edges.high), yref: "paper", y: 1, yshift: -14 * row, yanchor: "top", showarrow: false,
      text: ` median ${x.toPrecision(3)} `, font: { color: data.colors[name], size: 11 },
      xanchor: x > edges.low + 0.6 * (edges.high - edges.low) ? "right" : "left",
    });
  });
  return {
    traces: bars(data, view.quantity, view.place, view.density),
    layout: {
      barmode: "overlay", bargap: 0, shapes, annotations, legend: LEGEND, margin: MARGIN, hovermode: "x unified",
      uirevision: `${view.quantity}${view.log}${view.density}`,
      xaxis: { title: { text: axis }, range: [edges.low, edges.high] },
      yaxis: { title: { text: view.density ? "share of the population" : "examples" }, type: view.log ? "log" : "linear" },
    },
  };
}

function curve(data, view) {
  const traces = bars(data, "p_label", view.place, true, { yaxis: "y2", opacity: 0.45 });
  if (data.curve) {
    traces.push({ type: "scatter", mode: "lines", name: `weight of ${data.curve.name}`, x: data.curve.p, y: data.curve.weight, line: { color: data.colors.curve, width: 3 } });
  }
  return {
    traces,
    layout: {
      barmode: "overlay", bargap: 0, legend: LEGEND, margin: { ...MARGIN, r: 56 }, hovermode: "x unified",
      xaxis: { title: { text: data.quantities.p_label.axis }, range: [0, 1] },
      yaxis: { title: { text: "weight" }, rangemode: "tozero", visible: Boolean(data.curve) },
      yaxis2: { title: { text: "share of the population" }, overlaying: "y", side: "right", showgrid: false, range: [0, 1.02], tickformat: ".0%", tickmode: "auto", nticks: 6 },
    },
  };
}

function share(data, view) {
  const epoch = data.epochs[view.place];
  const percent = (values) => values.map((value) => (value === null ? null : 100 * value));
  return {
    traces: [
      { type: "scatter", mode: "lines+markers", marker: { size: 4 }, name: "share of the gradient", x: data.epochs, y: percent(data.share.weight), line: { color: data.colors.corrupted } },
      { type: "scatter", mode: "lines", name: "share of the data", x: data.epochs, y: percent(data.share.data), line: { color: data.colors.all, dash: "dash" } },
    ],
    layout: {
      legend: LEGEND, margin: MARGIN, hovermode: "x unified",
      shapes: [{ type: "line", x0: epoch, x1: epoch, yref: "paper", y0: 0, y1: 1, line: { color: data.colors.all, width: 1 } }],
      xaxis: { title: { text: "epoch (click to go there)" } }, yaxis: { title: { text: "corrupted" }, ticksuffix: " %", rangemode: "tozero" },
    },
  };
}

function build(parentElement) {
  const root = document.createElement("div");
  root.className = "imae-scope";
  root.innerHTML = TEMPLATE;
  parentElement.appendChild(root);
  const part = (name) => root.querySelector(name);
  const view = { quantity: "weight", place: 0, log: false, density: false };
  root.scope = { part, view, data: null, told: null, shown: null, timer: null };
  return root;
}

function render(root, Plotly) {
  const { part, view, data } = root.scope;
  const started = performance.now();
  const theme = themeOf(root);
  const draw = (box, { traces, layout }, name) => Plotly.react(box, traces, dressed(layout, theme), configOf(Plotly, box, `${data.name}-${name}`));
  part(".slider").value = view.place;
  part(".epoch").textContent = `epoch ${data.epochs[view.place]} of ${data.total}`;
  part(".imae-finding").textContent = data.findings[view.place];
  part(".hist-title").textContent = `${data.quantities[view.quantity].title} ${data.whose}`;
  part(".curve-title").textContent = data.curve ? "The weighting curve, and where along it the examples are" : "Where along p the examples are. This loss has no curve: its weight depends on the whole prediction, and was measured";
  draw(part(".imae-hist"), histogram(data, view), "distribution");
  root.dataset.epoch = data.epochs[view.place];
  root.dataset.epochs = data.epochs.length;
  root.dataset.milliseconds = (performance.now() - started).toFixed(1);
  // the other two follow once the slider rests for a moment
  clearTimeout(root.scope.later);
  root.scope.later = setTimeout(() => {
    draw(part(".imae-curve"), curve(data, view), "curve");
    part(".share-title").textContent = data.share ? "Who gets the gradient, over the epochs" : "";
    part(".imae-share").style.display = data.share ? "" : "none";
    if (data.share) draw(part(".imae-share"), share(data, view), "share");
    listenToShare(root);
  }, 40);
}

// Plotly makes a plain element a chart, which can be listened to, when it first draws in it.
function listenToShare(root) {
  const box = root.scope.part(".imae-share");
  if (!root.scope.data.share || box.listening) return;
  box.listening = true;
  box.on("plotly_click", ({ points }) => root.scope.goTo(points[0].x));
}

function connect(root, Plotly, setStateValue) {
  const { part, view } = root.scope;
  const tell = () => {
    root.scope.told = root.scope.data.epochs[view.place];
    setStateValue("epoch", root.scope.told);
  };
  const go = (place) => {
    view.place = Math.min(Math.max(place, 0), root.scope.data.epochs.length - 1);
    render(root, Plotly);
  };
  const pause = () => {
    clearInterval(root.scope.timer);
    root.scope.timer = null;
    part(".play").textContent = "▶";
    part(".play").ariaLabel = "Play";
  };
  part(".slider").addEventListener("input", (event) => go(Number(event.target.value)));
  part(".slider").addEventListener("change", tell);
  part(".play").addEventListener("click", () => {
    if (root.scope.timer) { pause(); tell(); return; }
    if (view.place === root.scope.data.epochs.length - 1) go(0);
    part(".play").textContent = "❚❚";
    part(".play").ariaLabel = "Pause";
    root.scope.timer = setInterval(() => {
      go(view.place + 1);
      if (view.place === root.scope.data.epochs.length - 1) { pause(); tell(); }
    }, Math.max(60, 8000 / root.scope.data.epochs.length));
  });
  part(".quantity").addEventListener("change", (event) => { view.quantity = event.target.value; render(root, Plotly); });
  for (const name of ["log", "density"]) {
    part(`.${name}`).addEventListener("change", (event) => { view[name] = event.target.checked; render(root, Plotly); });
  }
  root.scope.goTo = (epoch) => { go(root.scope.data.epochs.indexOf(epoch)); tell(); };
}

// The server's epoch counts when it is news: a deep link, or a new epoch that is followed; not as an echo of our own.
function accept(root, data) {
  const { scope } = root, { part, view } = scope;
  const kept = scope.data?.epochs[view.place];
  const news = data.epoch !== scope.told && data.epoch !== scope.shown;
  scope.data = data;
  scope.shown = data.epoch;
  const place = data.epochs.indexOf(news || kept === undefined ? data.epoch : kept);
  view.place = place < 0 ? data.epochs.length - 1 : place;
  part(".slider").max = data.epochs.length - 1;
  part(".quantity").replaceChildren(...Object.entries(data.quantities).map(([name, { title }]) => new Option(title, name, false, name === view.quantity)));
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".imae-scope") ?? build(parentElement);
  const look = JSON.stringify(themeOf(root));
  const isNew = root.text !== data.payload || root.scope.shown !== data.epoch;
  if (isNew) {
    root.text = data.payload;
    accept(root, { ...JSON.parse(data.payload), epoch: data.epoch });
  }
  loadPlotly(data.plotly).then((Plotly) => {
    if (isNew || root.look !== look) render(root, Plotly);
    root.look = look;
    if (!root.connected) connect(root, Plotly, setStateValue);
    root.connected = true;
  }).catch((error) => { root.querySelector(".imae-finding").textContent = error.message; });
  return () => clearInterval(root.scope.timer);
}
