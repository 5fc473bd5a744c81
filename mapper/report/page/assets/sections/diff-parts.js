// Units before and after, then every figure of phases, memories and links that differs.
mapper.section("diff-parts", (root, d, ui) => {
  const { el, si, bar } = ui;
  const busy = (key, title) => ({ key, title, text: (r) => (r[key] === null ? "–" : bar(r[key], "heat")), value: (r) => r[key] ?? -1, class: "wide" });
  const energy = (key, title) => ({ key, title, text: (r) => (r[key] === null ? "–" : si(r[key], "J")), value: (r) => r[key] ?? -1, class: "number" });
  ui.table(root, [
    { key: "name", title: "unit", class: "name" },
    busy("before", "busy before"),
    busy("after", "busy after"),
    energy("energy_before", "energy before"),
    energy("energy_after", "energy after"),
  ], d.units, { search: d.units.length > 16, rows: 40 });
  if (d.others.length) {
    const box = el("details", { open: d.others.length <= 16 }, el("summary", {}, `phases, memories and links that differ (${d.others.length})`));
    root.append(box);
    ui.table(box, [
      { key: "name", title: "figure", class: "name" },
      { key: "before", title: "before", class: "number" },
      { key: "after", title: "after", class: "number" },
      { key: "change", title: "change", text: (r) => r.change, value: (r) => r.relative ?? Infinity, class: "number" },
    ], d.others, { search: d.others.length > 16, rows: 40 });
  }
});
