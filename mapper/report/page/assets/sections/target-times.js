// How far the times of each class of units may be off, by kind of work.
mapper.section("target-times", (root, d, ui) => {
  const { el } = ui;
  const most = Math.max(...d.rows.map((r) => r.band));
  const drawn = (r) => {
    const fill = el("i", { class: `fill basis ${r.basis}`, style: { width: `${(100 * r.band) / most}%`, padding: "0", display: "block" } });
    return el("span", { class: "bar" }, el("span", { class: "track", "aria-hidden": "true" }, fill), el("span", { class: "part" }, `± ${ui.percent(r.band, r.band < 0.0995 ? 1 : 0)}`));
  };
  ui.table(root, [
    { key: "unit", title: "units", class: "name" },
    { key: "kind", title: "work" },
    { key: "band", title: "may be off by", text: drawn, class: "wide" },
    { key: "basis", title: "rests on", text: (r) => el("span", { class: `basis ${r.basis}` }, r.basis) },
    { key: "source", title: "source", class: "long" },
  ], d.rows, { rows: 40 });
});
