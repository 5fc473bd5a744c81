// Units, memories and links as tables with bars.
mapper.section("units", (root, d, ui) => {
  const { el, si, bar } = ui;
  const heated = (key) => ({ text: (r) => bar(r[key], "heat"), value: (r) => r[key], class: "wide" });
  const amount = (key, title, unit) => ({ key, title, text: (r) => (r[key] ? si(r[key], unit) : "–"), class: "number" });
  const many = (rows) => ({ search: rows.length > 12, rows: 40 });
  ui.table(root, [
    { key: "name", title: "unit", class: "name", text: (r) => (r.count > 1 ? `${r.name} × ${r.count}` : r.name) },
    { key: "kind", title: "kind" },
    { key: "utilisation", title: "busy", ...heated("utilisation") },
    { key: "energy", title: "energy", text: (r) => bar(r.energy), class: "wide", note: "part of all energy, idle power included" },
    { key: "holds", title: "runs", class: "long", text: (r) => r.holds || "nothing" },
    amount("weight_bytes", "weights", "B"),
  ], d.units, many(d.units));
  const boxes = [];
  ui.printed(root, () => {
    const closed = boxes.filter((box) => !box.open).map((box) => box.querySelector("summary").textContent);
    return closed.length ? `Not on paper, as they are closed: ${closed.join(", ")}.` : "";
  });
  if (d.memories.length) {
    const box = el("details", { open: d.memories.length <= 12 }, el("summary", {}, `memories (${d.memories.length})`));
    boxes.push(box);
    root.append(box);
    ui.table(box, [
      { key: "name", title: "memory", class: "name" },
      { key: "kind", title: "kind" },
      { key: "full", title: "full at its peak", text: (r) => bar(r.peak_bytes / r.capacity_bytes, "heat"), value: (r) => r.peak_bytes / r.capacity_bytes, class: "wide" },
      amount("peak_bytes", "peak", "B"),
      amount("capacity_bytes", "capacity", "B"),
      { key: "utilisation", title: "bandwidth in use", ...heated("utilisation") },
      amount("bandwidth", "bandwidth", "B/s"),
    ], d.memories, many(d.memories));
  }
  if (d.links.length) {
    const box = el("details", { open: d.links.length <= 12 }, el("summary", {}, `links (${d.links.length})`));
    boxes.push(box);
    root.append(box);
    ui.table(box, [
      { key: "name", title: "link", class: "name" },
      { key: "kind", title: "kind" },
      { key: "ends", title: "between" },
      { key: "utilisation", title: "busy", ...heated("utilisation"), note: "the busier direction" },
      amount("bytes", "bytes a request", "B"),
      amount("bandwidth", "bandwidth", "B/s"),
    ], d.links, many(d.links));
  }
});
