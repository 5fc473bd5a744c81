// Targets side by side: bars with error bands, energy against throughput, and all figures in a table.
mapper.section("compare", (root, d, ui) => {
  const plans = d.targets.filter((t) => t.outcome === "found");
  const others = d.targets.filter((t) => t.outcome !== "found");
  const figures = {
    throughput_per_s: ["requests/s", ""], tokens_per_s: ["tokens/s", ""], ttft_s: ["first token", "s"],
    tpot_s: ["per token", "s"], latency_s: ["latency", "s"], energy_per_token_j: ["energy per token", "J"],
    energy_j: ["energy per request", "J"], average_power_w: ["power", "W"], gap: ["gap", ""], value: ["energy x delay", "J s"],
  };
  const total = {
    throughput_per_s: "throughput_per_s", tokens_per_s: "throughput_per_s", latency_s: "latency_s",
    energy_j: "energy_j", energy_per_token_j: "energy_j",
  };
  const [title, unit] = figures[d.compared_by] || [d.compared_by, ""];

  /** Where a figure may lie: [low, high], or null where no band is known. */
  function span(row, field) {
    const of = total[field];
    const band = of && row.bands && row.bands[of];
    if (!band || !row[of] || row[field] === null) return null;
    return [row[field] * band.low / row[of], row[field] * (band.high === null ? 1 : band.high / row[of])];
  }

  function whisker(horizontal) {
    return (params, api) => {
      const low = api.coord(horizontal ? [api.value(1), api.value(0)] : [api.value(0), api.value(1)]);
      const high = api.coord(horizontal ? [api.value(2), api.value(0)] : [api.value(0), api.value(2)]);
      const style = { stroke: ui.color("ink"), fill: null, lineWidth: 1, opacity: 0.7 };
      const [dx, dy] = horizontal ? [0, 4] : [4, 0];
      const line = (a, b) => ({ type: "line", shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] }, style });
      return { type: "group", children: [
        line(low, high),
        line([low[0] - dx, low[1] - dy], [low[0] + dx, low[1] + dy]),
        line([high[0] - dx, high[1] - dy], [high[0] + dx, high[1] + dy]),
      ] };
    };
  }

  function tipOf(row) {
    return ui.tip(row.target, [
      ...Object.entries(figures).filter(([f]) => f !== "value" && row[f] !== null && row[f] !== undefined)
        .map(([f, [name, u]]) => [name, f === "gap" ? ui.percent(row[f]) : ui.si(row[f], u)]),
      ["limited by", row.limited_by.length ? row.limited_by[0].what : "nothing"],
    ]);
  }

  const short = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
  if (plans.length) {
    root.append(ui.el("h3", {}, `${title} by target`));
    const bars = plans.filter((p) => p[d.compared_by] !== null);
    const most = Math.max(...bars.map((p) => p[d.compared_by]));
    const least = Math.min(...bars.map((p) => p[d.compared_by]).filter((v) => v > 0));
    const log = most / least > 1000;
    ui.chart(root, 60 + 26 * bars.length, () => ({
      grid: { left: 250, right: 40, top: 8, bottom: 28 },
      xAxis: { type: log ? "log" : "value", min: log ? least / 10 : 0, axisLabel: { formatter: (v) => ui.si(v, unit), color: ui.color("ink") }, splitLine: { lineStyle: { color: ui.color("line") } } },
      yAxis: { type: "category", inverse: true, data: bars.map((p) => p.target), axisLabel: { formatter: (name, k) => `${short(name)}   ${ui.si(bars[k][d.compared_by], unit)}`, color: ui.color("ink") } },
      tooltip: { trigger: "item", formatter: (p) => tipOf(bars[p.dataIndex]) },
      series: [
        { type: "bar", data: bars.map((p) => p[d.compared_by]), barMaxWidth: 16 },
        { type: "custom", renderItem: whisker(true), encode: { x: [1, 2], y: 0 }, z: 5, silent: true, data: bars.map((p, k) => [k, span(p, d.compared_by)]).filter(([, s]) => s).map(([k, s]) => [k, log ? Math.max(s[0], least / 10) : s[0], s[1]]) },
      ],
    }));

    const placed = plans.filter((p) => p.energy_per_token_j > 0 && p.tokens_per_s > 0);
    if (placed.length > 1) {
      root.append(ui.el("h3", {}, "energy per token against tokens/s (lower right is better)"));
      const spans = placed.map((p, k) => [k, span(p, "tokens_per_s"), span(p, "energy_per_token_j")]);
      const within = (field) => placed.flatMap((p) => [p[field], ...(span(p, field) || [])]).filter((v) => v > 0);
      const axis = (field, name, u) => ({
        type: "log", name, nameLocation: "middle", nameGap: 34,
        min: Math.min(...within(field)) / 1.5, max: Math.max(...within(field)) * 1.5,
        axisLabel: { formatter: (v) => ui.si(v, u), color: ui.color("ink"), hideOverlap: true, showMinLabel: false, showMaxLabel: false }, nameTextStyle: { color: ui.color("ink") }, splitLine: { lineStyle: { color: ui.color("line") } },
      });
      ui.chart(root, 420, () => ({
        grid: { left: 90, right: 40, top: 16, bottom: 56 },
        xAxis: axis("tokens_per_s", "tokens/s", ""),
        yAxis: { ...axis("energy_per_token_j", "J/token", "J"), nameGap: 64 },
        tooltip: { trigger: "item", formatter: (p) => tipOf(placed[p.dataIndex]) },
        series: [
          { type: "scatter", symbolSize: 10, data: placed.map((p) => [p.tokens_per_s, p.energy_per_token_j]), labelLayout: { hideOverlap: true, dy: -10 }, label: { show: true, position: "right", distance: 6, formatter: (p) => short(placed[p.dataIndex].target), color: ui.color("ink") } },
          { type: "custom", renderItem: whisker(true), silent: true, data: spans.filter(([, s]) => s).map(([k, s]) => [placed[k].energy_per_token_j, s[0], s[1]]) },
          { type: "custom", renderItem: whisker(false), silent: true, data: spans.filter(([, , s]) => s).map(([k, , s]) => [placed[k].tokens_per_s, s[0], s[1]]) },
        ],
      }));
    }

    root.append(ui.el("h3", {}, "all figures"));
    const number = (field) => ({
      key: field, title: figures[field][0], class: "number",
      text: (row) => {
        const band = field !== "tokens_per_s" && total[field] && row.bands[total[field]] ? ` ±${ui.percent(row.bands[total[field]].relative, 0)}` : "";
        return row[field] === null ? "–" : `${ui.si(row[field], figures[field][1])}${band}`;
      },
      value: (row) => row[field] ?? -1,
    });
    const ratioOf = (row) => (row.ratios && row.ratios[d.compared_by]) ?? null;
    const ratio = { key: "ratio", title: `over ${d.baseline}`, class: "number", text: (row) => (ratioOf(row) === null ? "–" : `${ui.si(ratioOf(row))}x`), value: (row) => ratioOf(row) ?? -1 };
    // the page of a plan lies beside this one: its folder has the target's name
    const page = (row) => ui.el("a", { href: `./${encodeURIComponent(row.target)}/report.html` }, row.target);
    ui.table(root, [
      { key: "target", title: "target", class: "name", text: page },
      ...["throughput_per_s", "tokens_per_s", "ttft_s", "tpot_s", "energy_per_token_j"].map(number),
      { key: "average_power_w", title: "power (of limit)", class: "number", text: (row) => ui.si(row.average_power_w, "W") + (row.power_limit_w ? ` (${ui.percent(row.average_power_w / row.power_limit_w, 0)})` : "") },
      { key: "gap", title: "gap", class: "number", text: (row) => ui.percent(row.gap) },
      ...(d.baseline ? [ratio] : []),
    ], plans, { search: plans.length > 10 });
    root.append(ui.el("h3", {}, "what limits each, and which others may be as good"));
    ui.table(root, [
      { key: "target", title: "target", class: "name" },
      { key: "limited", title: "limited by", class: "long", text: (row) => (row.limited_by.length ? `${row.limited_by[0].what} ${ui.percent(row.limited_by[0].part, 0)}` : "nothing") },
      { key: "open", title: "may be as good", class: "long", text: (row) => (row.open || []).join(", ") },
    ], plans);
  }
  if (others.length) {
    root.append(ui.el("h3", {}, "targets without a plan"));
    ui.table(root, [
      { key: "target", title: "target", class: "name" },
      { key: "outcome", title: "", text: (row) => ({ refused: "no plan", failed: "failed" })[row.outcome] || row.outcome },
      { key: "reason", title: "why", class: "long", text: (row) => [row.reason, ...(row.details || []).slice(0, 2)].filter(Boolean).join(" · ") },
      { key: "levers", title: "levers", class: "long" },
    ], others);
  }
});
