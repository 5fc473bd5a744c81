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

  const signed = (part) => (part === null || part === undefined ? "–" : `${part > 0 ? "+" : ""}${percent(part)}`.replace("-", "−"));
  const times = (ratio) => (ratio === null ? "–" : ratio >= 1000 ? "> 1000 ×" : `${ratio >= 9.95 ? ratio.toFixed(0) : ratio.toPrecision(2)} ×`);

  /** The alternatives of a class: by themselves, and what the plan would become. */
  function others(list) {
    if (!list.length) return null;
    const head = ["kind of unit", "time", "energy", "requests/s", "latency", "energy", ""];
    const notes = (a) => [
      a.lacks ? `no room: ${a.lacks} lacks ${si(a.lacks_bytes, "B")}` : null,
      a.inside_band ? "may be the better one, inside the error bands" : null,
      !a.lacks && a.limit ? `then ${a.limit} limits` : null,
    ].filter(Boolean).join("; ");
    return el("div", { class: "scroll" }, el("h3", {}, "could also run on"), el("table", { class: "small" },
      el("thead", {},
        el("tr", { class: "over" }, el("th"), el("th", { colspan: 2 }, "by itself, against here"), el("th", { colspan: 3 }, "the plan, if all equal ops moved")),
        el("tr", {}, head.map((h, k) => el("th", { scope: "col", class: k && k < 6 ? "number" : null }, h)))),
      el("tbody", {}, list.map((a) => el("tr", {},
        el("td", {}, a.unit_kind),
        [times(a.times_as_slow), times(a.times_the_energy), signed(a.throughput), a.latency_at_most > 0 ? `≤ ${signed(a.latency_at_most)}` : signed(a.latency_at_most), signed(a.energy)].map((x) => el("td", { class: "number" }, x)),
        el("td", { class: "note" }, notes(a)))))));
  }

  function detail(r) {
    const { alternatives, refused } = d.choices[r.choice];
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
    const why = [
      list("fallback", r.fallback ? [r.fallback] : []),
      others(alternatives),
      list("cannot run on", refused.map(([kind, reason, needs]) => [el("b", {}, kind), `: ${reason}`, needs ? el("div", { class: "note" }, `would take ${needs}`) : null])),
      alternatives.length || refused.length ? null : el("p", { class: "lead" }, "no other kind of unit"),
    ];
    return el("div", {}, why, about);
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
    words: (r) => [r.class, r.unit_kind, r.shard, r.fallback, ...r.all, ...d.choices[r.choice].refused.flat()].join(" "),
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
