// One case, in place of all others: a trend of each metric over the nights, with what happened when.
mapper.section("regress-case", (root, d, ui) => {
  const { el } = ui;
  const t = ui.trends;
  const own = root.closest("section");
  const others = [...document.querySelectorAll("main > section, body > nav")].filter((s) => s !== own);
  const wide = others.filter((s) => !s.hidden);
  let range = [0, t.last], charts = [], at = 0, current = null, moving = false;

  const END = { infeasible: "emptyCircle" }; // of every other end that is no plan: a cross
  const CROSS = "path://M1,0 L5,4 L9,0 L10,1 L6,5 L10,9 L9,10 L5,6 L1,10 L0,9 L4,5 L0,1 Z";

  const lost = (how) => how !== "" && how !== "found" && how !== "skipped";

  function show(event) {
    const found = /^#case=(.*)$/.exec(location.hash);
    let name = null;
    try {
      name = found && decodeURIComponent(found[1]);
    } catch { /* not written by this page */ }
    const wanted = found ? t.case(name) : null;
    if (wanted && !current) at = scrollY;
    if (!wanted && found) location.hash = "";
    if (current) ui.clear(root);
    charts = [];
    const back = current && !wanted;
    current = wanted;
    own.hidden = !wanted;
    wide.forEach((s) => { s.hidden = Boolean(wanted); });
    document.querySelector("header + nav").hidden = Boolean(wanted);
    if (wanted) {
      draw(wanted);
      scrollTo({ top: 0, behavior: "instant" });
      if (event) root.querySelector("h2").focus({ preventScroll: true }); // so that keys and readers go on from there
    } else if (back && !location.hash) scrollTo({ top: at, behavior: "instant" });
  }

  function draw(c) {
    const k = t.cases.indexOf(c), end = c.end(t.last);
    const step = (to, text) => (t.cases[to] ? el("a", { href: t.mark(t.cases[to].name), title: t.cases[to].name }, text) : el("span", { class: "note" }, text));
    const keep = (m) => m.name !== "bound" && (m.name !== "value" || c.goal.name === "value"); // they are drawn with the objective
    const drawn = [...c.metrics].sort((a, b) => Number(b.k === c.goal.k) - Number(a.k === c.goal.k)).filter((m) => keep(m) && c.steps(m).length), still = c.metrics.filter((m) => keep(m) && !c.steps(m).length);
    const box = el("div", { class: "multiples trends" });
    const zoom = el("span", { class: "buttons" }, [30, 90, t.many].filter((n, i) => n < t.many || i === 2).map((n) =>
      el("button", { type: "button", on: { click: () => zoomTo(t.many - n, t.last) } }, n === t.many ? "all nights" : `last ${n}`)));
    root.append(
      el("p", { class: "crumbs screen" }, el("a", { href: "#" }, "← all cases"), " · ", step(k - 1, "previous"), " · ", step(k + 1, "next")),
      el("h2", { tabindex: "-1" }, c.name),
      el("p", { class: "lead" }, [c.objective ? `objective ${c.objective}` : "", ...c.tags.map((x) => `tag:${x}`), end.how ? `last night: ${end.how}${end.why ? `, ${end.why}` : ""}` : "not run in the last night", c.verdict ? `against what was accepted: ${c.verdict}` : ""].filter(Boolean).join(" · ")),
      key(),
      el("div", { class: "tools" }, zoom, el("span", { class: "hint screen" }, "Drag across a chart to zoom, double-click for all; + − ← → 0 when it has the focus, or Ctrl and the wheel.")),
      box,
      still.length ? el("p", {}, el("span", { class: "note" }, "the same in all nights: "), still.map((m) => `${m.name} ${t.value(m, c.series(m).find((x) => !Number.isNaN(x)) ?? NaN)}`).join(", ")) : "",
      el("h3", {}, "what happened when"),
    );
    for (const m of drawn) trend(box, c, m);
    history(c);
  }

  function key() {
    if (!t.events.length) return null;
    const item = (e) => el("li", {}, el("b", { class: `event ${e.kind}` }, e.mark), ` ${t.moment(e.night)} · ${e.text}`);
    const shown = t.events.slice(-6), rest = t.events.slice(0, -6);
    return el("div", { class: "events" }, rest.length ? el("details", {}, el("summary", {}, `${rest.length} earlier`), el("ul", {}, rest.map(item))) : null, el("ul", {}, shown.map(item)));
  }

  function trend(box, c, m) {
    const place = el("div");
    box.append(place);
    const series = c.series(m), accepted = c.accepted(m), now = series[t.last];
    const part = accepted && !Number.isNaN(now) ? t.change(m, accepted[0], now) : NaN;
    const kind = t.tone(c.judged(m));
    place.append(el("h3", {}, m.name, " ", el("b", {}, Number.isNaN(now) ? "" : t.value(m, now)), Number.isNaN(part) ? null : el("span", { class: kind || "note" }, ` ${Math.abs(part) < t.SURE ? "as accepted" : `${t.signed(part, m)} against accepted`}`)));
    const handle = ui.chart(place, 190, () => option(c, m), (chart) => {
      zoomed(handle);
      drag(chart, handle.box);
      chart.on("datazoom", () => {
        if (moving) return; // it was this page that zoomed
        const z = chart.getOption().dataZoom[0];
        zoomTo(Math.round(z.startValue + 0.5), Math.round(z.endValue - 0.5));
      });
    });
    charts.push(Object.assign(handle, { c, m }));
    handle.box.tabIndex = 0;
    handle.box.setAttribute("role", "img");
    handle.box.setAttribute("aria-label", `${m.name} over ${t.many} nights: + and - zoom, arrows move, 0 shows all`);
    handle.box.addEventListener("keydown", keys);
  }

  /** What the vertical axis shows: the nights that are shown, and, where these are all, what was accepted. */
  function scale(c, m, bound) {
    const seen = [m, bound].filter(Boolean).flatMap((x) => c.series(x).slice(range[0], range[1] + 1)).filter((x) => !Number.isNaN(x));
    const [value, room] = c.accepted(m) || [NaN, 0];
    const whole = range[0] === 0 && range[1] === t.last;
    if (!Number.isNaN(value) && (whole || !seen.length)) seen.push(value - room, value + room);
    const [low, high] = seen.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
    if (low > high) return { min: 0, max: 1, digits: 0 };
    const size = Math.max(Math.abs(low), Math.abs(high)), pad = high - low > 1e-6 * size ? 0.08 * (high - low) : room || 0.01 * size || 1;
    return { min: low - pad, max: high + pad, digits: Math.max(0, Math.min(3, Math.ceil(-Math.log10((high - low + 2 * pad) / size || 1)))) };
  }

  const bounds = (c, m) => (c.objective && m.k === c.goal.k ? c.metrics.find((o) => o.name === "bound") : null);

  const rule = (m, { min, max, digits }) => ({ min, max, axisLabel: { formatter: (v) => t.value(m, v, digits) } });

  function option(c, m) {
    const series = c.series(m), ends = c.ends(), accepted = c.accepted(m), faint = ui.color("faint");
    const bound = bounds(c, m);
    const alone = (k) => Number.isNaN(series[k - 1] ?? NaN) && Number.isNaN(series[k + 1] ?? NaN);
    const line = (e) => ({ xAxis: e.night, lineStyle: { color: e.kind === "accepted" ? ui.color("series-2") : faint, type: e.kind === "accepted" ? "solid" : "dashed", width: 1 }, label: { formatter: e.mark, color: e.kind === "accepted" ? ui.color("series-2") : faint, fontSize: 10, distance: 2 } });
    const [value, room] = accepted || [NaN, 0], { min, max, digits } = scale(c, m, bound);
    return {
      grid: { left: 74, right: 14, top: 20, bottom: 24 },
      tooltip: { trigger: "axis", axisPointer: { type: "line", lineStyle: { color: faint } }, formatter: (p) => told(c, m, p[0].value[0], bound) },
      xAxis: { type: "value", min: -0.5, max: t.last + 0.5, minInterval: 1, axisLabel: { formatter: (v) => (Number.isInteger(v) && v >= 0 && v <= t.last ? t.tick(v) : ""), color: faint, fontSize: 10, hideOverlap: true, showMinLabel: false, showMaxLabel: false }, splitLine: { show: false }, axisLine: { onZero: false, lineStyle: { color: ui.color("line") } } },
      yAxis: [
        { type: "value", min, max, axisLabel: { formatter: (v) => t.value(m, v, digits), color: faint, fontSize: 10, showMinLabel: false, showMaxLabel: false, hideOverlap: true }, axisLine: { show: false }, axisTick: { show: false }, splitNumber: 3, splitLine: { lineStyle: { color: ui.color("line") } } },
        { type: "value", min: 0, max: 1, show: false },
      ],
      dataZoom: [{ type: "inside", startValue: range[0] - 0.5, endValue: range[1] + 0.5, filterMode: "none", minValueSpan: 2, zoomOnMouseWheel: "ctrl", moveOnMouseMove: false, moveOnMouseWheel: false }],
      series: [
        {
          type: "line", step: "middle", data: series.map((x, k) => ({ value: [k, Number.isNaN(x) ? null : x], symbolSize: alone(k) ? 5 : 0 })), symbol: "circle", showAllSymbol: true, lineStyle: { width: 1.6 }, z: 3,
          markLine: { symbol: "none", silent: true, animation: false, data: [...t.events.map(line), ...(accepted ? [{ yAxis: value, lineStyle: { color: ui.color("series-2"), type: "dotted", width: 1.2 }, label: { show: false } }] : [])] },
          markArea: accepted && room ? { silent: true, itemStyle: { color: ui.color("series-2"), opacity: 0.13 }, data: [[{ yAxis: value - room }, { yAxis: value + room }]] } : undefined,
        },
        ...(bound ? [{ type: "line", step: "middle", silent: true, symbol: "none", data: c.series(bound).map((x, k) => [k, Number.isNaN(x) ? null : x]), lineStyle: { width: 1, type: "dashed", color: ui.color("series-1") } }] : []),
        { type: "line", silent: true, yAxisIndex: 1, symbol: "none", z: 4, lineStyle: { width: 2.5, color: ui.color("bad") }, data: ends.map((how, k) => [k, lost(how) ? 0.07 : null]) },
        {
          type: "scatter", silent: true, yAxisIndex: 1, symbolSize: 9, z: 5, itemStyle: { color: ui.color("bad") },
          data: ends.flatMap((how, k) => (lost(how) && how !== ends[k - 1] ? [{ value: [k, 0.07], symbol: END[how] || CROSS }] : [])),
        },
      ],
    };
  }

  function told(c, m, night, bound) {
    const series = c.series(m), x = series[night], end = c.end(night), accepted = c.accepted(m);
    const before = night ? t.upTo(series, night - 1) : NaN;
    const rows = [end.how === "found" ? [m.name, t.value(m, x, 3)] : ["answer", end.how || "not run"]];
    if (!Number.isNaN(x) && !Number.isNaN(before)) rows.push(["against the night before", t.signed(t.change(m, before, x), m)]);
    if (!Number.isNaN(x) && accepted) rows.push(["against accepted", t.signed(t.change(m, accepted[0], x), m)]);
    if (bound && !Number.isNaN(c.series(bound)[night])) rows.push(["bound (dashed)", t.value(m, c.series(bound)[night], 3)]);
    const notes = [end.why, t.code.has(night) ? `other code: ${t.code.get(night)}` : "", ...t.events.filter((e) => e.night === night).map((e) => `${e.mark} ${e.text}`)].filter(Boolean);
    const made = ui.tip(`${t.moment(night)} · night ${night + 1}`, rows);
    notes.forEach((n) => made.append(el("p", { class: "note" }, n)));
    return made;
  }

  /** All charts show these nights. */
  function zoomTo(from, to) {
    const long = Math.min(t.last, Math.max(2, to - from));
    const start = Math.max(0, Math.min(t.last - long, from));
    range = [start, start + long];
    charts.filter((h) => h.chart).forEach(zoomed);
    document.documentElement.dataset.nights = range.join(" ");
  }

  function zoomed({ chart, c, m }) {
    moving = true;
    chart.setOption({ yAxis: [rule(m, scale(c, m, bounds(c, m))), {}] });
    chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, startValue: range[0] - 0.5, endValue: range[1] + 0.5 });
    moving = false;
  }

  /** Dragging across a chart chooses the nights to show; a double-click shows all. */
  function drag(chart, box) {
    const zr = chart.getZr(), shade = el("i", { class: "shade", hidden: true });
    let from = null;
    box.append(shade);
    const inside = (x) => Math.max(74, Math.min(box.clientWidth - 14, x));
    const night = (x) => chart.convertFromPixel({ xAxisIndex: 0 }, inside(x));
    zr.on("mousedown", (e) => { if (chart.containPixel("grid", [e.offsetX, e.offsetY])) from = e.offsetX; });
    zr.on("mousemove", (e) => {
      if (from === null) return;
      const [a, b] = [from, inside(e.offsetX)].sort((x, y) => x - y);
      shade.hidden = b - a < 4;
      Object.assign(shade.style, { left: `${a}px`, width: `${b - a}px` });
    });
    zr.on("mouseup", (e) => {
      if (from === null) return;
      const [a, b] = [from, inside(e.offsetX)].sort((x, y) => x - y);
      from = null;
      shade.hidden = true;
      if (b - a >= 4) zoomTo(Math.round(night(a)), Math.round(night(b)));
    });
    zr.on("globalout", () => { from = null; shade.hidden = true; });
    zr.on("dblclick", () => zoomTo(0, t.last));
  }

  function keys(event) {
    const [a, b] = range, long = b - a, quarter = Math.max(1, Math.round(long / 4)), middle = (a + b) / 2;
    const moves = { "+": [Math.round(middle - long / 4), Math.round(middle + long / 4)], "-": [a - Math.ceil(long / 2) - 1, b + Math.ceil(long / 2) + 1], "0": [0, t.last], ArrowLeft: [a - quarter, b - quarter], ArrowRight: [a + quarter, b + quarter] };
    const to = moves[event.key === "=" ? "+" : event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    zoomTo(...to);
  }

  /** The nights in which something of this case changed, the latest first. */
  function history(c) {
    const nights = new Map();
    const at_ = (night) => nights.get(night) || nights.set(night, { night, moves: [], how: "" }).get(night);
    c.ended.forEach(([night, how, why]) => { at_(night).how = `${how || "not run"}${why ? `: ${why}` : ""}`; });
    for (const m of c.metrics.filter((x) => !x.timed)) {
      const series = c.series(m);
      for (const night of c.steps(m)) {
        const before = t.upTo(series, night - 1), part = t.change(m, before, series[night]);
        if (!Number.isNaN(part) && Math.abs(part) >= t.SURE) at_(night).moves.push({ m, part, before, after: series[night], harm: t.harm(m, part) });
      }
    }
    t.events.forEach((e) => { if (nights.has(e.night) || e.kind === "accepted") at_(e.night); });
    const rows = [...nights.values()].sort((a, b) => b.night - a.night);
    rows.forEach((r) => r.moves.sort((a, b) => Math.abs(b.harm) - Math.abs(a.harm) || Math.abs(b.part) - Math.abs(a.part)));
    const move = (x) => `${x.m.name} ${t.signed(x.part, x.m)}`;
    const detail = (r) => el("table", { class: "small" }, el("tbody", {}, r.moves.map((x) => el("tr", {}, el("td", { class: "name" }, x.m.name), el("td", { class: "number" }, t.value(x.m, x.before, 3)), el("td", { class: "number" }, t.value(x.m, x.after, 3)), el("td", { class: "number" }, t.signed(x.part, x.m)), el("td", {}, t.said(x.m, x.part))))));
    const first = (r) => el("span", {}, r.how ? el("b", {}, r.how) : null, r.how && r.moves.length ? "; " : "", r.moves.slice(0, 3).map(move).join(", "), r.moves.length > 3 ? `, and ${r.moves.length - 3} more` : "");
    const events = (r) => t.events.filter((e) => e.night === r.night).map((e) => `${e.mark} ${e.text}`).join("; ");
    ui.table(root, [
      { key: "night", title: "night", class: "word", text: (r) => t.moment(r.night) },
      { key: "what", title: "what changed", class: "long", text: first, value: (r) => (r.moves[0] ? Math.abs(r.moves[0].part) : 0) },
      { key: "with", title: "with", class: "long", text: (r) => [events(r), t.code.has(r.night) ? `other code: ${t.code.get(r.night)}` : ""].filter(Boolean).join("; ") },
    ], rows, { rows: 20, detail });
  }

  ui.printed(own, () => (current && (range[0] > 0 || range[1] < t.last) ? "The nights that were zoomed to are drawn." : ""));
  addEventListener("hashchange", show);
  show();
});
