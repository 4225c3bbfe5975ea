// The alert's metric over time with its promise, baseline, breach, and what happened around it.
"use strict";

(() => {
  const card = document.getElementById("chart");
  if (!card) return;
  const place = document.getElementById("plot");
  if (typeof uPlot === "undefined") {
    // It did not load here: the picture that is meant for browsers without scripts says the same.
    const picture = new Image(720, 260);
    picture.src = card.dataset.url.replace(/chart\/$/, "chart.svg");
    picture.alt = "The metric around the breach";
    place.append(picture);
    return;
  }
  const state = document.getElementById("plot-state");
  const HEIGHT = 260;
  // By step: hours and minutes, and the day where a new one begins.
  const TIMES = [
    [86_400, "{DD} {MMM}", null, null, null, null, null, null, 1],
    [3600, "{HH}:{mm}", "\n{DD} {MMM}", null, "\n{DD} {MMM}", null, null, null, 1],
    [60, "{HH}:{mm}", "\n{DD} {MMM}", null, "\n{DD} {MMM}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", "\n{DD} {MMM}", null, "\n{DD} {MMM}", null, null, null, 1],
  ];
  let plot = null;
  let data = null;

  const colour = (name) => getComputedStyle(card).getPropertyValue(`--aio-${name}`).trim();
  const UNITS = { percent: "%", score: "of 5", seconds: "s", requests_per_second: "req/s" };
  const unit = () => UNITS[data.unit] ?? data.unit;
  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const figure = (value) => (value === null || value === undefined ? "–" : `${number.format(value)} ${unit()}`.trim());
  const clock = (at) =>
    new Date(at * 1000).toLocaleString("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", timeZone: card.dataset.zone });

  const behind = (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const band of data.bands) {
      const left = u.valToPos(band.start, "x", true);
      const right = u.valToPos(band.end, "x", true);
      ctx.globalAlpha = band.kind === "window" ? 0.2 : 0.08;
      ctx.fillStyle = colour("critical");
      ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
    }
    ctx.restore();
  };

  const line = (ctx, from, to, stroke, dash, width) => {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = width * devicePixelRatio;
    ctx.setLineDash(dash.map((one) => one * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(...from);
    ctx.lineTo(...to);
    ctx.stroke();
  };

  const before = (u) => {
    const { ctx, bbox } = u;
    const right = bbox.left + bbox.width;
    const bottom = bbox.top + bbox.height;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px Inter, sans-serif`;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    const levels = [[data.target, colour("critical"), [6, 4]], [data.baseline, colour("subtle"), [2, 4]]];
    for (const [level, stroke, dash] of levels) {
      if (!level) continue;
      const y = u.valToPos(level.value, "y", true);
      if (y < bbox.top || y > bottom) continue;
      line(ctx, [bbox.left, y], [right, y], stroke, dash, 1.25);
      // Readable where a curve runs behind it.
      const at = [level.name, bbox.left + 6 * devicePixelRatio, y - 3 * devicePixelRatio];
      ctx.setLineDash([]);
      ctx.lineWidth = 4 * devicePixelRatio;
      ctx.strokeStyle = colour("surface");
      ctx.strokeText(...at);
      ctx.fillStyle = stroke;
      ctx.fillText(...at);
    }
    ctx.textBaseline = "top";
    ctx.textAlign = "center";
    data.marks.forEach((mark) => {
      const x = u.valToPos(mark.at, "x", true);
      if (x < bbox.left || x > right) return;
      const stroke = mark.kind === "deployment" ? colour("low") : colour("high");
      line(ctx, [x, bbox.top + 14 * devicePixelRatio], [x, bottom], stroke, [], 1);
      ctx.fillStyle = stroke;
      ctx.fillText(mark.sign, x, bbox.top);
    });
    ctx.restore();
  };

  const range = (u, low, high) => {
    const levels = [data.target, data.baseline].filter(Boolean).map((one) => one.value);
    const top = Math.max(high ?? 0, ...levels);
    // Shares near 100 % and ratings would be a flat line from 0.
    const isShare = data.unit === "%" || data.unit === "score";
    const bottom = isShare ? Math.min(low ?? top, ...levels) : Math.min(low ?? 0, 0, ...levels);
    const pad = (top - bottom || 1) * 0.08;
    return [isShare ? bottom - pad : bottom, top + pad];
  };

  const draw = () => {
    plot?.destroy();
    plot = null;
    place.replaceChildren();
    if (data.empty) return;
    const axis = { stroke: colour("subtle"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "11px Inter, sans-serif" };
    const strokes = [colour("link"), colour("none")];
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        // The person's zone, as everywhere in the portal, whatever the browser's is.
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), card.dataset.zone),
        scales: { x: { time: true, range: (u, low, high) => [low, high] }, y: { range } },
        axes: [
          { ...axis, values: TIMES },
          { ...axis, size: 68, values: (u, ticks) => ticks.map((tick) => `${number.format(tick)} ${unit()}`.trim()) },
        ],
        series: [
          { label: "Time", value: (u, at) => (at === null ? "–" : clock(at)) },
          ...data.lines.map((one, index) => ({
            label: one.name,
            stroke: strokes[index],
            width: index ? 1.25 : 2,
            spanGaps: false,
            points: { show: data.times.length < 80, size: index ? 4 : 5 },
            value: (u, value) => figure(value),
          })),
        ],
        cursor: { drag: { x: true, y: false } },
        hooks: { drawClear: [behind], draw: [before] },
      },
      [data.times, ...data.lines.map((one) => one.values)],
      place,
    );
  };

  const list = () => {
    const marks = document.getElementById("plot-marks");
    marks.replaceChildren(
      ...data.marks.map((mark) => {
        const item = document.createElement("li");
        const sign = document.createElement("b");
        sign.textContent = mark.sign;
        sign.className = `aio-sign aio-sign--${mark.kind}`;
        const link = document.createElement("a");
        link.href = mark.url;
        link.rel = "noopener noreferrer";
        link.textContent = mark.name;
        item.append(sign, " ", link, ` ${clock(mark.at)}`);
        return item;
      }),
    );
    const head = document.createElement("tr");
    for (const name of ["Time", ...data.lines.map((one) => one.name)]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      head.append(cell);
    }
    const rows = data.times.flatMap((at, index) => {
      const values = data.lines.map((one) => one.values[index]);
      if (values.every((value) => value === null)) return [];
      const row = document.createElement("tr");
      for (const text of [clock(at), ...values.map(figure)]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        row.append(cell);
      }
      return [row];
    });
    document.getElementById("plot-table").replaceChildren(head, ...rows);
    const window = data.bands.some((band) => band.kind === "window");
    document.getElementById("plot-legend").hidden = data.empty;
    document.getElementById("plot-legend").textContent =
      `Shaded: while the alert is open${window ? "; darker: the window that was judged" : ""}. Drag to zoom, double-click for all.`;
  };

  const load = async (span) => {
    state.textContent = "Loading …";
    card.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${card.dataset.url}?span=${encodeURIComponent(span)}`, { redirect: "error", signal: AbortSignal.timeout(20_000) });
      if (!answer.ok) throw new Error(`answer ${answer.status}`);
      data = await answer.json();
      const counts = { deployment: 0, alert: 0 };
      data.marks.sort((one, other) => one.at - other.at).forEach((mark) => {
        mark.sign = `${mark.kind === "deployment" ? "D" : "A"}${++counts[mark.kind]}`;
      });
      document.getElementById("chart-title").textContent = data.title;
      state.textContent = data.empty ? "Nothing was measured in this time." : "";
      draw();
      list();
    } catch {
      state.textContent = "The figures could not be loaded. Choose a span to try again.";
    } finally {
      card.removeAttribute("aria-busy");
    }
  };

  card.addEventListener("click", (event) => {
    const button = event.target.closest("[data-span]");
    if (!button) return;
    for (const one of card.querySelectorAll("[data-span]")) one.setAttribute("aria-pressed", String(one === button));
    load(button.dataset.span);
  });
  new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  // The theme changed: canvas knows no variables.
  new MutationObserver(() => data && draw()).observe(document.documentElement, { attributeFilter: ["class"] });
  load("");
})();
