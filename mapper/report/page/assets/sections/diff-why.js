// Where each change comes from: a waterfall from the value before to the value after, and all parts as a table.
mapper.section("diff-why", (root, d, ui) => {
  const { el, si, percent } = ui;
  const signed = (x) => `${x > 0 ? "+" : ""}${percent(x, Math.abs(x) < 0.001 ? 3 : 1)}`;
  for (const total of d.totals) {
    root.append(el("h3", {}, `${total.name} · ${si(total.before, total.unit)} → ${si(total.after, total.unit)}`));
    root.append(el("p", { class: "words" }, total.sentence));
    waterfall(total);
    const box = el("details", {}, el("summary", {}, `all parts (${total.parts.length})`));
    root.append(box);
    ui.table(box, [
      { key: "text", title: "part", class: "long" },
      { key: "cause", title: "cause" },
      { key: "share", title: "of the value before", text: (r) => signed(r.share), value: (r) => r.share, class: "number" },
      { key: "amount", title: "amount", text: (r) => si(r.amount, total.unit), value: (r) => r.amount, class: "number" },
    ], total.parts, {
      search: total.parts.length > 12, rows: 20, filters: [{ title: "cause", of: (r) => r.cause }],
      detail: (r) => el("ul", {}, r.rows.map(([words, before, after]) =>
        el("li", {}, `${words}: ${si(before, total.unit)} → ${si(after, total.unit)}`))),
      words: (r) => r.rows.map((x) => x[0]).join(" "),
    });
  }

  function waterfall(total) {
    let at = 1;
    const steps = total.bars.map((b) => {
      const from = at;
      at += b.share;
      return { name: b.text, low: Math.min(from, at), size: Math.abs(b.share), share: b.share };
    });
    const end = total.before ? total.after / total.before : 0;
    const bars = [{ name: "before", low: 0, size: 1, share: null }, ...steps, { name: "after", low: 0, size: end, share: null }];
    const room = () => Math.max(130, Math.min(430, Math.round(root.clientWidth * 0.42))); // on paper another than here
    // a zero line far from the changes would leave them no room: small changes are shown close by
    const least = Math.min(1, end, ...steps.map((s) => s.low));
    const most = Math.max(1, end, ...steps.map((s) => s.low + s.size));
    const start = most - least < 0.25 * most ? Math.max(0, least - 0.35 * (most - least)) : 0;
    const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(20 * (most - start))))); // of a fifth of the axis
    ui.chart(root, 60 + 25 * bars.length, () => ({
      grid: { left: room() + 10, right: 74, top: 6, bottom: 28 },
      tooltip: {
        trigger: "item",
        formatter: (p) => ui.tip(bars[p.dataIndex].name, [[bars[p.dataIndex].share === null ? "of the value before" : "change", bars[p.dataIndex].share === null ? percent(bars[p.dataIndex].size) : signed(bars[p.dataIndex].share)]]),
      },
      xAxis: { type: "value", min: start, max: most, axisLabel: { color: ui.color("faint"), formatter: (x) => `${(100 * x).toFixed(digits)} %`, hideOverlap: true, showMaxLabel: false }, splitLine: { lineStyle: { color: ui.color("line") } } },
      yAxis: { type: "category", inverse: true, data: bars.map((b) => b.name), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: ui.color("ink"), width: room(), overflow: "truncate", interval: 0 } },
      series: [{
        type: "custom",
        encode: { x: [0, 1], y: 2 },
        data: bars.map((b, k) => [Math.max(start, b.low), b.low + b.size, k]),
        renderItem: (params, api) => {
          const b = bars[params.dataIndex];
          const [x0, y] = api.coord([api.value(0), api.value(2)]);
          const [x1] = api.coord([api.value(1), api.value(2)]);
          const height = api.size([0, 1])[1] * 0.62;
          const fill = ui.color(b.share === null ? "series-7" : b.share > 0 ? "series-4" : "series-2");
          return {
            type: "group",
            children: [
              { type: "rect", shape: { x: x0, y: y - height / 2, width: Math.max(1.5, x1 - x0), height }, style: { fill } },
              { type: "text", style: { text: b.share === null ? percent(b.size, 1) : signed(b.share), x: x1 + 5, y, fill: ui.color("ink"), textVerticalAlign: "middle", fontSize: 12 } },
            ],
          };
        },
      }],
    }));
  }
});
