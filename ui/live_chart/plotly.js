// Shared by the components: Plotly from this app's own server, dressed in the page's theme, with downloads.

function loadPlotly(address) {
  window.imaePlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { window.imaePlotly = undefined; reject(new Error(`cannot load ${address}`)); };
    document.head.appendChild(script);
  });
  return window.imaePlotly;
}

function themeOf(element) {
  const style = getComputedStyle(element);
  const value = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: value("--st-text-color", "#31333F"),
    background: value("--st-background-color", "#FFFFFF"),
    grid: value("--st-border-color", "rgba(128,128,128,0.3)"),
    font: value("--st-font", "sans-serif"),
  };
}

function dressed(layout, theme) {
  const result = {
    autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", uirevision: "kept", selectionrevision: "kept",
    ...layout,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.grid, activecolor: theme.text },
    font: { family: theme.font, color: theme.text, size: 12, ...layout.font },
    hoverlabel: { bgcolor: theme.background, font: { color: theme.text, family: theme.font }, ...layout.hoverlabel },
  };
  for (const name of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))])) {
    result[name] = { gridcolor: theme.grid, zerolinecolor: theme.grid, linecolor: theme.grid, automargin: true, ...layout[name] };
  }
  return result;
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Every trace in long form: what was drawn, not what is in view.
function csvOf(chart) {
  const lines = [["trace", "x", "y", "z"]];
  for (const trace of chart._fullData) {
    if (trace.z) {
      trace.z.forEach((row, i) => [...row].forEach((z, j) => lines.push([trace.name, trace.x?.[j] ?? j, trace.y?.[i] ?? i, z])));
    } else {
      const length = trace.x?.length ?? trace.y?.length ?? 0;
      for (let i = 0; i < length; i += 1) lines.push([trace.name, trace.x?.[i], trace.y?.[i], ""]);
    }
  }
  return lines.map((line) => line.map(cell).join(",")).join("\n");
}

// One object a chart: Plotly draws all anew, and forgets the zoom, where the config is another than before.
function configOf(Plotly, box, name) {
  box.imaeConfig ??= makeConfig(Plotly, name);
  return box.imaeConfig;
}

function makeConfig(Plotly, name) {
  const image = (format, title) => ({
    name: format, title, icon: Plotly.Icons.camera,
    click: (chart) => Plotly.downloadImage(chart, { format, filename: name, scale: format === "png" ? 2 : 1, width: chart.clientWidth, height: chart.clientHeight }),
  });
  return {
    displaylogo: false, responsive: true,
    modeBarButtonsToRemove: ["toImage", "autoScale2d"],
    modeBarButtonsToAdd: [
      image("png", "Save as PNG"), image("svg", "Save as SVG"),
      { name: "csv", title: "Save the data as CSV", icon: Plotly.Icons.disk, click: (chart) => save(`${name}.csv`, "text/csv", csvOf(chart)) },
    ],
  };
}
