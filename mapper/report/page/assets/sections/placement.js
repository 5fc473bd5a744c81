// Where each op runs: searched by op, filtered by unit, kind and phase; a row opens to its alternatives and refusals.
mapper.section("placement", (root, d, ui) => {
  const { el, si, percent, bar } = ui;
  const seen = new Set();
  const rows = d.rows.map(([op, unit, start, k]) => {
    const record = d.records[k];
    const key = [record.class, record.phase, record.unit_kind, record.shard, record.copies].join("\u0000");
    const first = !seen.has(key);
    seen.add(key);
    return Object.assign(Object.create(record), { op, unit, start_s: start, first, key, all: d.ops[op] || [op] });
  });
  const like = new Map();
  rows.forEach((r) => like.set(r.key, (like.get(r.key) || 0) + 1));
  const most = rows.reduce((m, r) => Math.max(m, r.share), 1e-12);
  const copies = (r) => (r.copies > 1 ? `\u00a0×\u00a0${r.copies}` : "");
  const share = (r) => {
    const made = bar(r.share);
    made.querySelector(".fill").style.width = `${100 * r.share / most}%`;
    return made;
  };

  function detail(r) {
    const refused = r.alternatives.filter((a) => a.startsWith("not "));
    const others = r.alternatives.filter((a) => !a.startsWith("not "));
    const list = (title, items) => (items.length ? el("div", {}, el("h3", {}, title), el("ul", {}, items.map((x) => el("li", {}, x)))) : null);
    const about = ui.facts([
      ["class", like.get(r.key) > 1 ? `${r.class} (${like.get(r.key)} alike)` : r.class],
      ["runs together", r.all.length > 1 ? r.all.join(", ") : null],
      ["begins at", `${si(r.start_s, "s")} of its call${r.calls > 1 ? `, of which a request has ${r.calls}` : ""}`],
      ["arithmetic", r.types.join(", ")],
      ["error band", `± ${percent(r.band, 0)}${r.validated ? "" : ", not compared with measurements"}`],
      ["weights", r.weights_memory ? `${si(r.weight_bytes, "B")} from ${r.weights_memory}` : null],
      ["copies of its weights", r.copies > 1 ? String(r.copies) : null],
      ["divided among ranks", r.shard || null],
      ["rows in tiles", r.tiles ? String(r.tiles) : null],
    ]);
    const why = el("div", { class: "why" },
      list("fallback", r.fallback ? [r.fallback] : []),
      list("could also run on (time and energy against here)", others),
      list("cannot run on", refused.map((x) => x.slice(4))),
      others.length || refused.length ? null : el("p", { class: "lead" }, "no other kind of unit"));
    return el("div", { class: "two" }, why, about);
  }

  ui.table(root, [
    { key: "op", title: "op", class: "name", text: (r) => el("span", {}, r.op, r.fallback ? el("mark", { title: r.fallback }, "fallback") : null) , value: (r) => r.op },
    { key: "kind", title: "kind" },
    { key: "phase", title: "phase" },
    { key: "unit", title: "on", text: (r) => r.unit + copies(r) },
    { key: "time_s", title: "time", text: (r) => si(r.time_s, "s"), class: "number", note: "of one call" },
    { key: "share", title: "of busy time", text: share, class: "wide", note: "all its calls, as a part of the busy time of a request" },
    { key: "energy_j", title: "energy", text: (r) => si(r.energy_j, "J"), class: "number", note: "of one call" },
    { key: "limited_by", title: "limited by" },
    { key: "weights_memory", title: "weights in", text: (r) => r.weights_memory || "–" },
  ], rows, {
    search: true,
    detail,
    words: (r) => [r.class, r.unit_kind, r.shard, r.fallback, ...r.all, ...r.alternatives].join(" "),
    filters: [
      { title: "phase", of: (r) => r.phase },
      { title: "kind of op", of: (r) => r.kind },
      { title: "kind of unit", of: (r) => r.unit_kind },
      { title: "unit", of: (r) => r.unit },
      { title: "limit", of: (r) => r.limited_by },
    ],
    flags: [
      { title: "equal ops once", test: (r) => r.first },
      ...(d.fallbacks ? [{ title: `only fallbacks (${d.fallbacks})`, test: (r) => Boolean(r.fallback) }] : []),
    ],
  });
});
