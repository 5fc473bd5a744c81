// Rooflines: for each kind of unit its peaks, its memories and the ops that run there, on logarithmic scales.
mapper.section("roofline", (root, d, ui) => {
  const [WHAT, PHASE, LIMIT, TYPE, CLUSTER, X, Y, SECONDS, RUNS, UNITS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const word = (point, k) => d.words[point[k]];
  const limits = [...new Set(d.charts.flatMap((c) => c.points.map((p) => p[LIMIT])))];
  const color = (limit) => `series-${Math.min(7, limits.indexOf(limit))}`;
  root.append(
    ui.el("div", { class: "legend key" }, "limited by", limits.slice(0, 8).map((l, k) => ui.el("span", {}, ui.el("i", { class: "swatch", style: { background: `var(--series-${k})` } }), k === 7 && limits.length > 8 ? "other" : d.words[l] || "nothing"))),
  );
  const grid = ui.el("div", { class: "multiples" });
  root.append(grid);
  d.charts.forEach((c) => one(ui.el("div", {}), c));

  function one(cell, c) {
    const units = c.units.length === 1 ? c.units[0] : `${c.units.length} units: ${c.units.slice(0, 3).join(", ")}${c.units.length > 3 ? " …" : ""}`;
    cell.append(ui.el("h3", {}, c.kind), ui.el("p", { class: "hint" }, units, c.resident ? "; weights sit in its arrays, only what moves counts" : ""));
    grid.append(cell);
    const peaks = Object.entries(c.peaks), memories = Object.entries(c.bandwidths);
    const used = new Set(c.points.map((p) => word(p, TYPE)));
    const shown = peaks.filter(([type]) => used.has(type));
    const roofs = shown.length ? shown : peaks;
    const top = Math.max(0, ...roofs.map(([, n]) => n)), wide = Math.max(...memories.map(([, n]) => n));
    if (c.points.length) {
      ui.chart(cell, 300, () => option(c, roofs, memories, top, wide));
    }
    const rest = c.without.filter(([, s]) => s / c.seconds > 0.0005);
    if (!c.points.length && !rest.length) cell.append(ui.el("p", { class: "hint" }, "Nothing that computes runs here, only casts and moves."));
    if (rest.length) cell.append(ui.el("p", { class: "hint" }, "Without arithmetic or traffic, not drawn: ", rest.map(([what, s]) => `${what} (${ui.percent(s / c.seconds)} of its time)`).join(", ")));
  }

  function option(c, roofs, memories, top, wide) {
    const xs = c.points.map((p) => p[X]).concat(top && wide ? [top / wide] : []), ys = c.points.map((p) => p[Y]).concat(top ? [top] : []);
    const decade = (n, up) => 10 ** (up ? Math.ceil(Math.log10(n)) : Math.floor(Math.log10(n)));
    const [left, right] = [decade(Math.min(...xs) / 1.5), decade(Math.max(...xs) * 1.5, true)];
    const [low, high] = [decade(Math.min(...ys) / 1.5), decade(Math.max(...ys) * 1.5, true)];
    const [ink, faint, line] = [ui.color("ink"), ui.color("faint"), ui.color("line")];
    const axis = (min, max, name) => ({ type: "log", min, max, name, nameLocation: "middle", nameTextStyle: { color: faint }, axisLabel: { color: faint, formatter: (v) => ui.si(v).replace(/\.0+\b/, ""), hideOverlap: true }, splitLine: { lineStyle: { color: line, opacity: 0.5 } }, axisLine: { lineStyle: { color: line } } });
    const most = Math.max(...c.points.map((p) => p[SECONDS]));
    const label = (text, position, align) => ({ show: true, position, align, formatter: () => text, color: faint, fontSize: 10 });
    const rule = (from, to, text, position) => ({ type: "line", silent: true, symbol: "none", data: [from, to], lineStyle: { color: ink, width: 1.3 }, endLabel: { ...label(text), show: false }, markPoint: { silent: true, symbol: "circle", symbolSize: 0.01, data: [{ coord: position.at, label: { ...label(text, position.side, position.align) } }] } });
    const slopes = memories.map(([name, rate], k) => {
      const x = Math.min(right, Math.max(left * 1.0001, (top || high) / rate)), from = Math.max(left, low / rate);
      const at = from * (x / from) ** Math.max(0.1, 0.5 - 0.22 * k); // so that names do not lie on one another
      return rule([from, from * rate], [x, Math.min(x * rate, top || high)], `${name} ${ui.si(rate, "B/s")}`, { at: [at, at * rate], side: "left" });
    });
    const flats = roofs.map(([type, n]) => rule([Math.max(left, n / wide), n], [right, n], `${type} ${ui.si(n, "op/s")}`, { at: [right, n], side: [0, -13], align: "right" }));
    return {
      grid: { left: 62, right: 16, top: 14, bottom: 44 },
      xAxis: { ...axis(left, right, "operations per byte moved"), nameGap: 26 },
      yAxis: { ...axis(low, high, "operations/s"), nameGap: 46 },
      series: [
        ...slopes,
        ...flats,
        {
          type: "scatter",
          data: c.points.map((p) => ({ value: [p[X], p[Y]], symbolSize: 7 + 25 * Math.sqrt(p[SECONDS] / most), itemStyle: { color: ui.color(color(p[LIMIT])), opacity: 0.75, borderColor: ui.color("paper"), borderWidth: 1 } })),
          tooltip: { formatter: (p) => told(c, c.points[p.dataIndex]) },
        },
      ],
    };
  }

  function told(c, p) {
    const peak = c.peaks[word(p, TYPE)];
    const memory = Math.max(...Object.values(c.bandwidths));
    const roof = Math.min(peak || Infinity, p[X] * memory);
    return ui.tip(`${word(p, WHAT)} in ${word(p, PHASE)}`, [
      ["such as", word(p, CLUSTER)],
      ["limited by", word(p, LIMIT)],
      ["reaches", `${ui.si(p[Y], "op/s")} in ${word(p, TYPE)}`],
      ["of its roof", ui.percent(p[Y] / roof)],
      ["intensity", `${ui.si(p[X])} op/byte`],
      ["time a request", `${ui.si(p[SECONDS], "s")} (${ui.percent(p[SECONDS] / c.seconds)} of the kind's work)`],
      ["runs a request", `${p[RUNS]}${p[UNITS] > 1 ? ` on ${p[UNITS]} units` : ""}`],
    ]);
  }
});
