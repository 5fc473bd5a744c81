// The tornado: what doubling and halving each figure of the target does to the objective, better to the right.
mapper.section("tornado", (root, d, ui) => {
  const felt = d.rows.filter((r) => r.felt);
  const [less, more] = [`divided by ${d.factor}`, `times ${d.factor}`];
  const FIELDS = { throughput: "throughput_per_s", latency: "latency_s", ttft: "ttft_s", tpot: "tpot_s", energy: "energy_j", edp: "objective" };
  const first = [d.objective, FIELDS[d.objective]];
  const change = (a, field) => (a && a.after && a.before_[field] ? a.after[field] / a.before_[field] - 1 : null);
  for (const r of d.rows) for (const a of [r.less, r.more]) if (a) a.before_ = d.before;
  const others = ["throughput", "energy", "latency"].filter((name) => name !== d.objective).map((name) => [name, FIELDS[name]]);
  const signed = (part) => (part === null ? "–" : Math.abs(part) < 5e-4 ? "0 %" : `${part > 0 ? "+" : ""}${ui.percent(part)}`);
  const words = (a) => (a === null ? "not asked" : a.after ? signed(change(a, first[1])) : a.refusal);
  /** Whether the other bar of a row goes the same way, and further: then this one is drawn above it. */
  const covered = (r, key) => {
    const [one, other] = [r[key], key === "less" ? r.more : r.less].map((a) => change(a, first[1]));
    return one !== null && other !== null && one * other > 0 && Math.abs(one) < Math.abs(other);
  };
  const shown = felt.filter((r) => r.effect >= 5e-4);
  const price = (r) => (r.shadow_price ? String(Number(r.shadow_price.percent.toPrecision(2))) : "");
  if (!d.complete) root.append(ui.el("p", {}, "Partial: it was stopped before every figure was asked about."));
  if (!shown.length) root.append(ui.el("p", {}, "No figure changes the objective."));
  else ui.chart(root, 60 + 24 * shown.length, () => ({
    grid: { left: 260, right: 30, top: 30, bottom: 28 },
    legend: { top: 0, textStyle: { color: ui.color("ink") } },
    xAxis: { type: "value", inverse: d.objective !== "throughput", axisLabel: { formatter: (v) => signed(v), color: ui.color("ink") }, splitLine: { lineStyle: { color: ui.color("line") } } },
    yAxis: { type: "category", inverse: true, data: shown.map((r) => r.parameter), axisLabel: { color: ui.color("ink"), width: 240, overflow: "truncate", interval: 0 } },
    tooltip: { trigger: "item", formatter: (p) => {
      const r = shown[p.dataIndex], a = p.seriesIndex % 2 ? r.more : r.less;
      return ui.tip(`${r.parameter} ${p.seriesName}`, [
        [first[0], words(a)], ...others.map(([title, field]) => [title, signed(change(a, field))]),
        ["shadow price", price(r) ? `${price(r)} % of the bound for 1 %` : "–"],
        ["gap", a && a.gap !== null ? ui.percent(a.gap) : "–"], ["found", a ? a.found : "–"],
      ]);
    } },
    series: [false, true].flatMap((above) => [[less, "less", 0], [more, "more", 1]].map(([name, key, k]) => ({
      name, type: "bar", barGap: "-100%", barMaxWidth: 14, itemStyle: { color: ui.color(`series-${k}`) },
      data: shown.map((r) => (covered(r, key) === above ? change(r[key], first[1]) : null)),
    }))),
  }));
  const told = (a, field) => (a === null ? "…" : a.after ? signed(change(a, field)) : a.refused ? "–" : "no plan");
  const sides = [["less", "halved"], ["more", "doubled"]];
  const si = new Set(["B/s", "op/s", "B", "s", "Hz", "W"]);
  const is = (r) => (si.has(r.unit) ? ui.si(r.value, r.unit) : `${Number(r.value.toPrecision(6))} ${r.unit}`);
  const gap = (a) => (a && a.gap !== null ? `${(100 * a.gap).toFixed(1)} %` : "–");
  const single = (title, field) => sides.map(([side, word]) => ({
    key: side, title: word, class: "number", text: (r) => told(r[side], field), value: (r) => change(r[side], field),
    note: `the ${title} with the figure ${word}`,
  }));
  const both = (title, field) => ({
    key: field, title, class: "number", text: (r) => `${told(r.less, field)} / ${told(r.more, field)}`,
    value: (r) => Math.max(Math.abs(change(r.less, field)), Math.abs(change(r.more, field))),
    note: `the ${title} with the figure halved / doubled`,
  });
  root.append(ui.el("p", { class: "hint" }, `Columns “halved” and “doubled” are changes of the ${first[0]}; the others are pairs: halved / doubled.`));
  ui.table(root, [
    { key: "parameter", title: "figure" },
    { key: "value", title: "is", class: "number", text: is },
    ...single(...first), ...others.map((o) => both(...o)),
    { key: "gap", title: "gap", class: "number", text: (r) => sides.map(([side]) => gap(r[side])).join(" / "),
      value: (r) => Math.max(...sides.map(([side]) => (r[side] && r[side].gap) || 0)),
      note: "how far the answer with the figure halved / doubled is from the best there can be, by proof" },
    { key: "price", title: "shadow price", class: "number", text: price, value: (r) => (r.shadow_price ? r.shadow_price.percent : null),
      note: "by how many percent the proven bound gets better for each percent that the figure does" },
  ], felt, { search: true, rows: 30 });
  root.append(ui.facts(d.facts));
});
