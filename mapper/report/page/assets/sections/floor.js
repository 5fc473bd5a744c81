// The chip: units, memories and links where they stand, coloured by how busy they are, or, where no plan runs on it
// (`classes` are named), by the class of the unit.
mapper.section("floor", (root, d, ui) => {
  const classes = d.classes || null;
  const scale = classes ? ui.el("div", { class: "legend key" }, classes.map(([name, k]) => ui.el("span", {}, ui.el("i", { class: "swatch", style: { background: `var(--series-${k})` } }), name))) : ui.el("div", { class: "legend" }, "idle", [0, 1, 2, 3, 4].map((k) => ui.el("i", { class: "swatch", style: { background: `var(--heat-${k})` } })), "busy all the time");
  root.append(scale);
  const width = Math.max(320, root.clientWidth || 1200);
  const height = Math.max(140, Math.min(760, 14 * d.high, (width * d.high) / d.wide));
  const most = Math.max(1, ...d.links.map((l) => l.bandwidth));
  const part = { unit: d.units, memory: d.memories };
  const frames = new Set(d.boxes.filter((b) => b[0] === "group").map((b) => b[1]));
  /** A name without those of the frames around it. */
  function short(name) {
    const words = name.split(".");
    let k = words.length - 1;
    while (k > 0 && !frames.has(words.slice(0, k).join("."))) k -= 1;
    return words.slice(k).join(".");
  }

  const about = {
    unit: (u, name) => [
      ["kind", u.kind],
      ["busy", ui.percent(u.busy)],
      ["energy a request", `${ui.si(u.energy_j, "J")} (${ui.percent(d.energy_j ? u.energy_j / d.energy_j : 0, 0)})`],
      u.weight_bytes ? ["weights", ui.si(u.weight_bytes, "B")] : null,
      u.holds.length ? ["runs", u.holds.join(", ")] : ["runs", "nothing"],
      u.name !== name ? ["planned as", u.name] : null,
      u.ranks ? ["team", `${u.ranks} ranks × ${u.copies} copies`] : null,
      u.exchange ? ["exchanges", ui.percent(u.exchange)] : null,
      ...u.memories.map((k) => [d.memories[k].name.split(".").pop(), level(d.memories[k])]),
    ],
    memory: (m, name) => [
      ["kind", m.kind],
      ["peak", level(m)],
      ["channel busy", ui.percent(m.busy)],
      ["bandwidth", ui.si(m.bandwidth, "B/s")],
      m.name !== name ? ["planned as", m.name] : null,
    ],
    link: (l) => [
      ["kind", l.kind],
      [`busy, ${l.ends[0]} to ${l.ends[1]}`, ui.percent(l.ways[0])],
      ["busy, the other way", ui.percent(l.ways[1])],
      ["moved a request", ui.si(l.bytes, "B")],
      ["bandwidth", `${ui.si(l.bandwidth, "B/s")} each way`],
      ["latency", ui.si(l.latency_s, "s")],
    ],
  };
  const level = (m) => `${ui.si(m.peak_bytes, "B")} of ${ui.si(m.capacity_bytes, "B")} (${ui.percent(m.peak_bytes / m.capacity_bytes, 0)})`;
  const told = (kind, one, name) => ui.tip(name, (one ? one.told || about[kind](one, name) : []).filter(Boolean));
  /** The colour of a unit. */
  const shade = (one) => (one && classes ? ui.color(`series-${one.series}`) : ui.heat(one ? one.busy || 0 : 0));

  function text(words, x, y, room, size, color, weight) {
    return { type: "text", silent: true, style: { text: words, x, y, fill: color, font: `${weight || 400} ${size}px system-ui, sans-serif`, width: room, overflow: "truncate", ellipsis: "…", verticalAlign: "middle" } };
  }

  const isBusiest = (kind, k) => d.busiest !== null && d.busiest[0] === kind && d.busiest[1] === k;

  function rect(x, y, w, h, fill, line, r = 3) {
    return { type: "rect", shape: { x, y, width: w, height: h, r }, style: { fill, stroke: line, lineWidth: line ? 1 : 0 } };
  }

  function box(row, api, theme) {
    const [kind, name, x, y, w, h, k] = row;
    const [left, top] = api.coord([x, y]);
    const [right, bottom] = api.coord([x + w, y + h]);
    const [wide, high] = [right - left, bottom - top];
    const size = Math.max(8, Math.min(12.5, high * 0.3));
    const one = k === null || !part[kind] ? null : part[kind][k];
    const made = [];
    if (kind === "group") {
      made.push(rect(left, top, wide, high, theme.ground, theme.line, 5));
      if (wide > 30 && high > 40) made.push(text(short(name), left + 5, top + Math.min(10, high * 0.06) + 2, wide - 8, Math.min(11, Math.max(8, high * 0.09)), theme.faint));
    } else if (kind === "memory") {
      made.push(rect(left, top, wide, high, theme.paper, theme.faint, 2));
      const full = one ? Math.min(1, one.peak_bytes / one.capacity_bytes) : 0;
      made.push(rect(left, top, wide * full, high, one ? ui.heat(one.busy || 0) : theme.line, null, 2));
      const words = classes && one ? `${ui.si(one.capacity_bytes, "B")}  ${ui.si(one.bandwidth, "B/s")}` : `${ui.percent(full, full < 0.0995 ? 1 : 0)} full`;
      if (wide > 34 && high > 9) made.push(text(`${name.split(".").pop()}  ${words}`, left + 5, top + high / 2, wide - 8, Math.min(11, Math.max(8, high * 0.6)), theme.ink));
    } else {
      const fill = kind === "router" ? theme.line : shade(one);
      made.push(rect(left, top, wide, high, fill, theme.faint));
      const inner = one ? one.memories : [];
      const strip = inner.length && high > 24 ? Math.min(6, high * 0.14) : 0;
      const body = high - strip * inner.length;
      const ink = kind === "router" ? theme.ink : ui.on(fill);
      const lines = one && one.lines ? one.lines : one ? [wide < 96 ? ui.percent(one.busy, one.busy < 0.1 ? 1 : 0) : `${ui.percent(one.busy, one.busy < 0.1 ? 1 : 0)} busy`, one.kind, one.holds.join(", ")] : [];
      const pitch = size * 1.3;
      const shown = [short(name), ...lines.filter(Boolean)].slice(0, Math.max(1, Math.min(wide < 110 ? 2 : 4, Math.floor((body - 6) / pitch))));
      if (wide > 26 && high > 10) {
        shown.forEach((words, n) => {
          made.push(text(words, left + 6, top + body / 2 + (n - (shown.length - 1) / 2) * pitch, wide - 10, n ? size * 0.92 : size, ink, n ? 400 : 600));
        });
      }
      inner.forEach((m, j) => {
        if (!strip) return;
        const memory = d.memories[m], at = bottom - strip * (j + 1);
        made.push(rect(left + 1, at, wide - 2, strip - 1, theme.paper, null, 1));
        made.push(rect(left + 1, at, (wide - 2) * Math.min(1, memory.peak_bytes / memory.capacity_bytes), strip - 1, theme.faint, null, 1));
      });
    }
    if (k !== null && isBusiest(kind, k)) {
      const frame = rect(left + 1, top + 1, wide - 2, high - 2, "none", theme.ink);
      frame.silent = true;
      frame.style.lineWidth = Math.min(3.5, Math.max(2, high / 12));
      made.push(frame);
    }
    return { type: "group", children: made };
  }

  function wire(row, api, theme) {
    const link = row[1] === null ? null : d.links[row[1]];
    const points = [];
    for (let i = 2; i < row.length; i += 2) points.push(api.coord([row[i], row[i + 1]]));
    const busy = link ? link.busy || 0 : 0;
    return {
      type: "polyline",
      shape: { points },
      style: { stroke: busy < 0.005 ? theme.idle : ui.heat(Math.max(0.2, busy)), shadowColor: theme.ink, shadowBlur: row[1] !== null && isBusiest("link", row[1]) ? 4 : 0, lineWidth: 1 + 5 * Math.sqrt((link ? link.bandwidth : 0) / most), fill: "none" },
    };
  }

  const order = { group: 0, unit: 1, router: 1, memory: 1 };
  const boxes = d.boxes.filter((b) => b[0] !== "group"), groups = d.boxes.filter((b) => b[0] === "group");
  const anyBig = d.boxes.length > 60;
  ui.chart(root, height, () => {
    const theme = { ink: ui.color("ink"), faint: ui.color("faint"), line: ui.color("line"), paper: ui.color("paper"), ground: ui.color("ground"), idle: ui.color("line") };
    const series = (rows, draw, tip, silent) => ({
      type: "custom",
      progressive: 0,
      data: rows.map((_, k) => [k]),
      encode: {},
      clip: true,
      silent,
      renderItem: (params, api) => draw(rows[params.dataIndex], api, theme),
      tooltip: { formatter: (p) => tip(rows[p.dataIndex]) },
    });
    const axis = (max, inverse) => ({ type: "value", min: 0, max, inverse, show: false });
    const zoom = (name) => ({ type: "inside", [`${name}AxisIndex`]: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, minSpan: 5 });
    return {
      grid: { left: 4, right: 4, top: 4, bottom: 4 },
      xAxis: axis(d.wide),
      yAxis: axis(d.high, true),
      dataZoom: anyBig ? [zoom("x"), zoom("y")] : [],
      series: [
        series(groups, box, (row) => told("unit", null, row[1]), true),
        series(d.wires, wire, (row) => told("link", row[1] === null ? null : d.links[row[1]], row[0])),
        series(boxes, box, (row) => told(row[0], row[6] === null ? null : (part[row[0]] || [])[row[6]], row[1])),
      ],
    };
  });
  if (anyBig) root.append(ui.el("p", { class: "hint screen" }, "Ctrl and the wheel zoom, dragging moves."));
});
