// Every total before and after.
mapper.section("diff-totals", (root, d, ui) => {
  const { el } = ui;
  const word = (r) => (r.good === null ? "" : r.good ? "better" : "worse");
  const coloured = (r) => el("span", { style: { color: r.good === null ? "" : `var(--series-${r.good ? 2 : 4})` } }, word(r));
  ui.table(root, [
    { key: "name", title: "total", class: "name" },
    { key: "before", title: "before", class: "number" },
    { key: "after", title: "after", class: "number" },
    { key: "change", title: "change", class: "number" },
    { key: "good", title: "", text: coloured, value: word },
    { key: "inside", title: "", text: (r) => (r.inside ? "inside both error bands" : "") },
  ], d.rows, { rows: 60 });
});
