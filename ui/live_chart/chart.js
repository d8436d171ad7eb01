// A figure that is redrawn in place: zoom, hidden traces and selections outlive new data.

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let box = parentElement.querySelector(".imae-chart");
  if (!box) {
    box = document.createElement("div");
    box.className = "imae-chart";
    parentElement.appendChild(box);
  }
  const look = JSON.stringify(themeOf(box));
  if (box.drawn === data.figure && box.look === look) return;  // the page was drawn anew, this figure is what it was
  [box.drawn, box.look] = [data.figure, look];
  const figure = JSON.parse(data.figure);
  box.style.height = `${figure.layout.height}px`;
  loadPlotly(data.plotly).then(async (Plotly) => {
    await Plotly.react(box, figure.data, dressed(figure.layout, themeOf(box)), configOf(Plotly, box, data.name));
    if (box.listening) return;
    box.listening = true;
    box.on("plotly_click", ({ points, event }) => {
      const { x, y, pointIndex, pointNumber, curveNumber } = points[0];
      if (!event?.shiftKey) setTriggerValue("clicked", { x, y, index: pointIndex ?? pointNumber, curve: curveNumber });
    });
    const region = (selected) => {
      if (selected?.lassoPoints) return { x: [...selected.lassoPoints.x], y: [...selected.lassoPoints.y] };
      if (!selected?.range) return null;
      const [[left, right], [low, high]] = [selected.range.x, selected.range.y];
      return { x: [left, right, right, left], y: [low, low, high, high] };
    };
    box.on("plotly_selected", (selected) => setStateValue("region", region(selected)));
    box.on("plotly_deselect", () => setStateValue("region", null));
  }).catch((error) => { box.textContent = error.message; });
}
