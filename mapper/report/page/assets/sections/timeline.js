// What runs when: a row for each unit, link and memory; bars are the activities of requests.
mapper.section("timeline", (root, d, ui) => {
  const BAR = 17, TOP = 62, BOTTOM = 64, LABEL = 190, MOST_ROWS = 34, MOST_LANES = 8, MOST_SHAPES = 8000, BINS = 400;
  const acts = d.activities;
  const rows = d.rows.map(([group, name, label]) => ({ group, name, label }));
  const bars = rows.filter((r) => r.group !== "memory").length; // rows of bars; those of memories come behind them
  const views = d.views.map(unpacked);
  let view = views[0], by = "kind", wanted = "", range = [0, 100];
  const kinds = byTime(views[0]);
  const rank = new Map(kinds.map((kind, k) => [kind, Math.min(7, k)]));

  /** A view with absolute times, the bars of each row in lanes, and how many rows work in each of many stretches. */
  function unpacked(v) {
    const all = [];
    let at = 0;
    for (let i = 0; i < v.of.length; i += 1) {
      at += v.start[i];
      const activity = v.of[i];
      for (const row of acts.places[acts.rows[activity]]) {
        const long = rows[row].group === "link" ? v.held[i] : v.long[i];
        all.push({ row, start: at, end: at + long, of: activity, request: v.request ? v.request[i] : 0, more: v.more ? v.more[i] : 0, lane: 0, lanes: 1 });
      }
    }
    const byRow = Array.from({ length: bars }, () => []);
    all.forEach((b) => byRow[b.row].push(b));
    byRow.forEach(lanes);
    return { ...v, byRow };
  }

  /** Puts bars that overlap into lanes, as many as each stretch without a gap needs. */
  function lanes(row) {
    let ends = [], members = [];
    const close = () => members.forEach((b) => { b.lanes = ends.length; });
    for (const b of row) {
      if (ends.every((end) => end <= b.start)) {
        close();
        [ends, members] = [[], []];
      }
      let k = ends.findIndex((end) => end <= b.start);
      if (k < 0) k = ends.length < MOST_LANES ? ends.length : b.of % MOST_LANES;
      ends[k] = Math.max(ends[k] || 0, b.end);
      b.lane = k;
      members.push(b);
    }
    close();
  }

  function byTime(v) {
    const sums = new Map();
    v.byRow.flat().forEach((b) => sums.set(acts.kind[b.of], (sums.get(acts.kind[b.of]) || 0) + b.end - b.start));
    return [...sums].sort((a, b) => b[1] - a[1]).map(([k]) => k);
  }

  const SERIES = 8;
  const colors = () => Array.from({ length: SERIES }, (_, k) => ui.color(`series-${k}`));
  function number(b) {
    if (by === "kind") return rank.get(acts.kind[b.of]) ?? SERIES - 1;
    if (by === "phase") return acts.phase[b.of] % SERIES;
    if (by === "limit") return acts.limit[b.of] % SERIES;
    return b.request % SERIES;
  }

  /** The bars that can be seen: what is narrower than a pixel is one with its neighbours in the lane; where that leaves
   * more than can be drawn at once, what is narrower than some pixels, but never over a gap that can be seen. */
  function visible(pixels, coarse = 1) {
    const from = (view.length * range[0]) / 100, to = (view.length * range[1]) / 100;
    const gap = (to - from) / pixels, least = gap * coarse;
    const found = [];
    view.byRow.forEach((row) => {
      const last = [];
      for (const b of row) {
        if (b.end < from || b.start > to) continue;
        const before = last[b.lane];
        if (before && b.end - b.start < least && before.end - before.start < 2 * least && b.start - before.end < gap && match(before.bar) === match(b)) {
          before.end = Math.max(before.end, b.end);
          before.many += 1;
          continue;
        }
        last[b.lane] = { bar: b, start: b.start, end: b.end, many: 1 };
        found.push(last[b.lane]);
      }
    });
    return found.length > MOST_SHAPES && coarse < 8 ? visible(pixels, 2 * coarse) : found;
  }

  const match = (b) => !wanted || acts.names[acts.name[b.of]].toLowerCase().includes(wanted);

  /** The part of the rows of units that work, over time. */
  function atWork() {
    const from = (view.length * range[0]) / 100, to = (view.length * range[1]) / 100, each = (to - from) / BINS;
    const sums = new Float64Array(BINS);
    const units = rows.filter((r) => r.group === "unit").length || 1;
    view.byRow.forEach((row, k) => {
      if (rows[k].group !== "unit") return;
      let until = from;
      for (const b of row) {
        const a = Math.max(b.start, until, from), end = Math.min(b.end, to);
        until = Math.max(until, b.end);
        for (let n = Math.max(0, Math.floor((a - from) / each)); n < BINS && from + n * each < end; n += 1) {
          sums[n] += Math.max(0, Math.min(end, from + (n + 1) * each) - Math.max(a, from + n * each));
        }
      }
    });
    return Array.from(sums, (s, k) => [(from + k * each) * view.step_s, Math.min(1, s / each / units)]).concat([[to * view.step_s, 0]]);
  }

  const seconds = (t) => ui.si(t * view.step_s, "s");

  function told(one) {
    const b = one.bar, row = rows[b.row];
    const title = acts.names[acts.name[b.of]];
    const others = one.many - 1 + b.more;
    const several = others > 0 ? [["and", `${others} more, too short to be seen here`]] : [];
    const limit = acts.limits[acts.limit[b.of]];
    return ui.tip(title, [
      ["what", acts.kinds[acts.kind[b.of]]],
      [row.group, row.name],
      ["phase", phaseOf(b)],
      ["from", seconds(b.start)],
      ["takes", seconds(b.end - b.start)],
      ...(limit ? [["limited by", limit]] : []),
      ...(acts.bytes[b.of] ? [["moves", ui.si(acts.bytes[b.of], "B")]] : []),
      ...(view.request ? [["request", String(b.request)]] : []),
      ...several,
    ]);
  }

  const phaseOf = (b) => d.phases[acts.phase[b.of]];

  function bar(one, api, theme, area) {
    const b = one.bar;
    const [left, y] = api.coord([one.start * view.step_s, b.row]);
    const [right] = api.coord([one.end * view.step_s, b.row]);
    const high = api.size([0, 1])[1] * 0.78;
    const lane = high / b.lanes;
    const shape = echarts.graphic.clipRectByRect(
      { x: left, y: y - high / 2 + lane * b.lane, width: Math.max(1, right - left), height: Math.max(1, lane - (lane > 3 ? 1 : 0)) },
      area,
    );
    if (!shape) return null;
    const fill = theme.colors[number(b)];
    const made = { type: "rect", shape: { ...shape, r: lane > 6 && shape.width > 4 ? 2 : 0 }, style: { fill, opacity: match(b) ? 1 : 0.13 } };
    if (shape.width <= 46 || lane <= 10) return made; // most: as few shapes as can be
    const words = { type: "text", silent: true, style: { text: acts.kinds[acts.kind[b.of]], x: shape.x + 4, y: shape.y + shape.height / 2, width: shape.width - 8, overflow: "truncate", ellipsis: "…", verticalAlign: "middle", font: "10px system-ui, sans-serif", fill: theme.paper } };
    return { type: "group", children: [made, words] };
  }

  /** A memory's channel: the share that is taken, as steps. */
  function channel(memory, api, theme) {
    const [times, shares] = view.levels[memory];
    const row = bars + memory;
    const high = api.size([0, 1])[1] * 0.78;
    const floor = api.coord([0, row])[1] + high / 2;
    const from = (view.length * range[0]) / 100, to = (view.length * range[1]) / 100;
    const points = [];
    for (let i = 0; i + 1 < times.length; i += 1) {
      if (times[i + 1] < from || times[i] > to) continue;
      const y = floor - high * Math.min(1, shares[i]);
      points.push([api.coord([Math.max(times[i], from) * view.step_s, row])[0], y], [api.coord([Math.min(times[i + 1], to) * view.step_s, row])[0], y]);
    }
    if (!points.length) return null;
    const [first, last] = [points[0][0], points[points.length - 1][0]];
    return { type: "polygon", shape: { points: [[first, floor], ...points, [last, floor]] }, style: { fill: theme.faint, opacity: 0.55 } };
  }

  /** Lines between groups of rows and between phases, with the names of these. */
  const frames = () => [
    ...rows.map((r, k) => ({ row: k, first: k > 0 && r.group !== rows[k - 1].group })).filter((r) => r.first),
    ...view.phases.map(([name, start, length, calls]) => ({ name: calls > 1 ? `${name}, 1 of ${calls} calls` : name, start, end: start + length })),
  ];

  function frame(one, api, theme, area) {
    if (one.row !== undefined) {
      const [, y] = api.coord([0, one.row]), half = api.size([0, 1])[1] / 2;
      if (y - half < area.y - 1 || y - half > area.y + area.height) return null;
      return { type: "line", shape: { x1: 12, x2: area.x + area.width, y1: y - half, y2: y - half }, style: { stroke: theme.line, lineWidth: 1 } };
    }
    const left = Math.max(area.x, api.coord([one.start * view.step_s, 0])[0]);
    const right = Math.min(area.x + area.width, api.coord([one.end * view.step_s, 0])[0]);
    if (right <= left) return null;
    return {
      type: "group",
      children: [
        { type: "line", shape: { x1: left, x2: left, y1: 16, y2: area.y + area.height }, style: { stroke: theme.line, lineWidth: 1 } },
        ...(right - left > 40 ? [{ type: "text", style: { text: one.name, x: left + 4, y: 9, width: right - left - 6, overflow: "truncate", ellipsis: "…", verticalAlign: "middle", font: "11px system-ui, sans-serif", fill: theme.faint } }] : []),
      ],
    };
  }

  const height = TOP + BOTTOM + BAR * Math.min(rows.length, MOST_ROWS) + 14;
  const keys = ui.el("div", { class: "legend key" });
  const count = ui.el("span", { class: "count", role: "status" });
  const field = ui.el("input", { type: "search", placeholder: "highlight ops by name", "aria-label": "highlight ops by name", on: { input: () => { wanted = field.value.toLowerCase().trim(); redraw(); } } });
  const choice = ui.el("select", { "aria-label": "colour", on: { change: () => { by = choice.value; redraw(); } } },
    [["kind", "colour: kind of op"], ["phase", "colour: phase"], ["limit", "colour: what limits"], ["request", "colour: request"]].map(([v, text]) => ui.el("option", { value: v }, text)));
  const buttons = views.map((v) => ui.el("button", { type: "button", "aria-pressed": String(v === view), on: { click: () => show(v) } }, v.name));
  const jumps = ui.el("span", { class: "buttons" });
  const lead = ui.el("p", { class: "lead" });
  root.append(lead, ui.el("div", { class: "tools" }, ui.el("span", { class: "buttons" }, views.length > 1 ? buttons : null), field, choice, jumps, count), keys);

  function show(v) {
    view = v;
    range = [0, 100];
    buttons.forEach((b, k) => b.setAttribute("aria-pressed", String(views[k] === view)));
    say();
    if (!handle.chart) return;
    handle.draw();
    zoomTo(0, 100); // a chart that is drawn anew keeps its zoom
  }

  function say() {
    lead.textContent = view.lead;
    const names = { kind: kinds.map((k) => acts.kinds[k]), phase: d.phases, limit: acts.limits.map((l) => l || "nothing"), request: [] }[by];
    const shown = names.slice(0, SERIES).map((name, k) => [k, by === "kind" && names.length > SERIES && k === SERIES - 1 ? "other" : name]);
    keys.replaceChildren(...shown.map(([k, name]) => ui.el("span", {}, ui.el("i", { class: "swatch", style: { background: `var(--series-${k})` } }), name)));
    const hits = wanted ? view.byRow.flat().filter(match).length : 0;
    const jump = (name, from, to) => ui.el("button", { type: "button", on: { click: () => zoomTo((100 * from) / view.length, (100 * to) / view.length) } }, name);
    jumps.replaceChildren(jump("whole", 0, view.length), ...(view.phases.length > 1 ? view.phases.map(([name, start, long]) => jump(name, start, start + long)) : []));
    count.textContent = wanted ? `${hits} of ${view.byRow.flat().length} bars` : "";
  }

  function series(box) {
    const theme = { colors: colors(), paper: ui.color("paper"), faint: ui.color("faint"), line: ui.color("line") };
    const lines = frames();
    const shown = visible(Math.max(100, box.clientWidth - LABEL - 26));
    return [
      { id: "work", data: atWork() },
      {
        id: "bars",
        data: shown.map((one) => [one.start * view.step_s, one.bar.row]),
        renderItem: (p, api) => bar(shown[p.dataIndex], api, theme, p.coordSys),
        tooltip: { formatter: (p) => told(shown[p.dataIndex]) },
      },
      {
        id: "memories",
        data: d.memories.map((_, k) => [0, bars + k]),
        renderItem: (p, api) => channel(p.dataIndex, api, theme),
      },
      {
        id: "frames",
        data: lines.map((_, k) => [0, k]),
        renderItem: (p, api) => frame(lines[p.dataIndex], api, theme, p.coordSys),
      },
    ];
  }

  function redraw() {
    say();
    if (handle.chart) handle.chart.setOption({ series: series(handle.box) }, { lazyUpdate: false });
  }

  function zoomTo(start, end) {
    if (handle.chart) handle.chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, start: Math.max(0, start), end: Math.min(100, end) });
  }

  const handle = ui.chart(root, height, () => {
    const length = view.length * view.step_s;
    const x = { type: "value", min: 0, max: length, axisLabel: { formatter: (v) => ui.si(v, "s"), showMaxLabel: false, color: ui.color("faint"), hideOverlap: true }, splitLine: { show: false }, axisLine: { lineStyle: { color: ui.color("line") } } };
    const custom = { type: "custom", xAxisIndex: 1, yAxisIndex: 1, clip: true, progressive: 0, encode: { x: -1, y: -1 } };
    const many = rows.length > MOST_ROWS;
    return {
      grid: [{ left: LABEL, right: 26, top: 22, height: TOP - 34 }, { left: LABEL, right: 26, top: TOP, bottom: BOTTOM }],
      tooltip: { trigger: "item" },
      xAxis: [{ ...x, gridIndex: 0, axisLabel: { show: false }, axisTick: { show: false } }, { ...x, gridIndex: 1 }],
      yAxis: [
        { type: "value", gridIndex: 0, min: 0, max: 1, interval: 1, axisLabel: { formatter: (v) => ui.percent(v, 0), color: ui.color("faint"), fontSize: 10 }, splitLine: { lineStyle: { color: ui.color("line") } }, name: "units at work", nameLocation: "middle", nameRotate: 0, nameGap: 76, nameTextStyle: { color: ui.color("faint") } },
        { type: "category", gridIndex: 1, inverse: true, data: rows.map((r, k) => String(k)), axisTick: { show: false }, axisLine: { lineStyle: { color: ui.color("line") } }, splitLine: { show: false }, axisLabel: { interval: 0, formatter: (k) => rows[k].label, width: LABEL - 14, overflow: "truncate", color: ui.color("ink"), fontSize: 11 } },
      ],
      dataZoom: [
        { id: "time", type: "slider", xAxisIndex: [0, 1], start: range[0], end: range[1], filterMode: "none", left: LABEL, right: 26, bottom: 8, height: 22, labelFormatter: (v) => ui.si(v, "s"), showDataShadow: false, textStyle: { color: ui.color("faint") }, borderColor: ui.color("line") },
        { id: "wheel", type: "inside", xAxisIndex: [0, 1], start: range[0], end: range[1], filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true },
        ...(many ? [{ id: "rows", type: "slider", yAxisIndex: 1, right: 2, width: 14, startValue: 0, endValue: MOST_ROWS - 1, zoomLock: true, filterMode: "none", showDetail: false, showDataShadow: false, brushSelect: false }] : []),
      ],
      series: [
        { type: "line", xAxisIndex: 0, yAxisIndex: 0, step: "end", symbol: "none", silent: true, lineStyle: { width: 1, color: ui.color("accent") }, areaStyle: { color: ui.color("accent"), opacity: 0.25 } },
        custom,
        { ...custom, silent: true },
        { ...custom, silent: true, clip: false },
      ].map((s, k) => ({ ...s, ...series(handle.box)[k] })),
    };
  }, (chart) => {
    let asked = 0;
    chart.on("datazoom", () => {
      const zoom = chart.getOption().dataZoom.find((z) => z.id === "time");
      range = [zoom.start, zoom.end];
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(redraw);
    });
  });
  handle.box.tabIndex = 0;
  handle.box.setAttribute("role", "img");
  handle.box.setAttribute("aria-label", "timeline: + and - zoom, arrows move, 0 shows the whole");
  const wheel = (how) => handle.chart && handle.chart.setOption({ dataZoom: [{ id: "wheel", zoomOnMouseWheel: how }] });
  handle.box.addEventListener("focus", () => wheel(true));
  handle.box.addEventListener("blur", () => wheel("ctrl"));
  handle.box.addEventListener("mousedown", () => handle.box.focus({ preventScroll: true }));
  handle.box.addEventListener("keydown", (e) => {
    const [a, b] = range, long = b - a, middle = (a + b) / 2;
    const moves = { "+": [middle - long / 4, middle + long / 4], "-": [middle - long, middle + long], "0": [0, 100], ArrowLeft: [a - Math.min(a, long / 4), b - Math.min(a, long / 4)], ArrowRight: [a + Math.min(100 - b, long / 4), b + Math.min(100 - b, long / 4)] };
    const to = moves[e.key === "=" ? "+" : e.key];
    if (!to) return;
    e.preventDefault();
    zoomTo(...to);
  });
  const out = Object.entries(d.left_out).filter(([, n]) => n > 0).map(([what, n]) => `${n} ${n === 1 ? { units: "unit", links: "direction of a link", memories: "memory" }[what] : what.replace("links", "directions of links")}`);
  root.append(ui.el("p", { class: "hint" }, ui.el("span", { class: "screen" }, "Click, then the wheel zooms and dragging moves; also + − ← → 0 and the slider. "), out.length ? `Left out, as nothing happens there: ${out.join(", ")}.` : ""));
  ui.printed(root, () => `Not on paper: the view ${views.filter((v) => v !== view).map((v) => `“${v.name}”`).join(", ")}${rows.length > MOST_ROWS ? `, and ${rows.length - MOST_ROWS} of ${rows.length} rows` : ""}${range[0] > 0 || range[1] < 100 ? "; the part that was zoomed to is drawn" : ""}.`);
  say();
});
