// Placements that differ, searched by op.
mapper.section("diff-moved", (root, d, ui) => {
  const { el, si } = ui;
  if (!d.rows.length) {
    root.append(el("p", {}, "Every op runs where and how it did."));
    return;
  }
  ui.table(root, [
    { key: "op", title: "op", class: "name", text: (r) => (r.count > 1 ? `${r.op} × ${r.count}` : r.op) },
    { key: "blocks", title: "blocks" },
    { key: "phase", title: "phase" },
    { key: "how", title: "where and how", class: "long" },
    { key: "before", title: "before", text: (r) => si(r.before, "s"), class: "number" },
    { key: "after", title: "after", text: (r) => si(r.after, "s"), class: "number" },
  ], d.rows, {
    search: true, rows: 25, words: (r) => [r.kind, ...r.clusters].join(" "),
    filters: [{ title: "phase", of: (r) => r.phase }, { title: "unit before", of: (r) => r.from }, { title: "unit after", of: (r) => r.to }],
    flags: [{ title: "without equal ops that changed places", test: (r) => !r.exchanged, on: d.rows.some((r) => !r.exchanged) }],
    detail: (r) => el("div", {}, `${r.kind}: `, r.clusters.join(", ")),
  });
});
