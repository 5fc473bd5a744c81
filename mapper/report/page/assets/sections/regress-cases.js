// All cases by all nights: a strip for each case, above its middle what is better, below what is worse.
mapper.section("regress-cases", (root, d, ui) => {
  const { el } = ui;
  const t = ui.trends;
  const HIGH = 20, LEVELS = [2e-4, 5e-3, 2e-2, 1e-1];
  const SPANS = [30, 90, 365].filter((n) => n < t.many);
  const shapes = { // by class: top and height in a strip
    same: [7, 6], better1: [5, 8], better2: [3, 10], better3: [1, 12], better4: [0, 13], worse1: [7, 8], worse2: [7, 10], worse3: [7, 12], worse4: [7, 13],
    other1: [6, 8], other2: [6, 8], other3: [6, 8], other4: [6, 8], broken: [0, 20], infeasible: [9, 2], skipped: [16, 2], nothing: [0, 0],
  };
  const references = [["accepted", "against what was accepted"], ["first", "against the first night"], ["before", "against the night before"]];
  const orders = [["worst", "worst now first"], ["moved", "most moved first"], ["name", "by name"], ["suite", "as in the suite"]];
  const usual = t.metrics.filter((m) => t.cases.some((c) => c.metrics.some((x) => x.k === m.k)));
  let span = SPANS.includes(90) ? 90 : t.many, shown = [];

  const svg = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) made.setAttribute(k, String(v));
    return made;
  };
  const choose = (label, pairs, act) => el("select", { "aria-label": label, on: { change: act } }, pairs.map(([v, text]) => el("option", { value: v }, text)));
  const field = el("input", { type: "search", placeholder: "filter: words of names, tag:NAME", "aria-label": "filter cases", on: { input: () => fill() } });
  const metric = choose("metric", [["", "the objective of each"], ...usual.map((m) => [m.k, m.name])], () => fill());
  const reference = choose("colour", references, () => fill());
  const order = choose("order", orders, () => fill());
  const count = el("span", { class: "count", role: "status" });
  const spans = [...SPANS, t.many];
  const buttons = spans.map((n) => el("button", { type: "button", "aria-pressed": String(n === span), on: { click: () => { span = n; fill(); } } }, n === t.many ? "all nights" : `${n} nights`));
  root.style.setProperty("--names", `${Math.min(40, Math.max(...t.cases.map((c) => c.name.length), 12))}ch`);
  const head = el("div", { class: "strip-head" });
  const body = el("div", { class: "strips", role: "list" });
  const told = el("div", { class: "strip-tip tip", hidden: true });
  const legend = el("div", { class: "legend keys" });
  root.append(el("div", { class: "tools" }, field, metric, reference, order, el("span", { class: "buttons" }, spans.length > 1 ? buttons : null), count), legend, head, body, told);
  root.append(el("p", { class: "hint screen" }, "Point at a strip to read it; a name leads to the case."));

  /** The metric that a case's strip shows. */
  const of = (c) => (metric.value === "" ? c.goal : c.own(t.metrics[Number(metric.value)]));

  /** What a change is: better or worse and by which of four steps; "same" below the least. */
  function level(m, part) {
    if (Number.isNaN(part)) return "other1";
    const size = LEVELS.findLastIndex((x) => Math.abs(part) >= x) + 1;
    if (!size) return "same";
    const harm = t.harm(m, part);
    return `${harm > 0 ? "worse" : harm < 0 ? "better" : "other"}${size}`;
  }

  /** A case's classes by night, from the first night that is shown on. */
  function classes(c, m, from) {
    const series = c.series(m), ends = c.ends(), first = series.find((x) => !Number.isNaN(x));
    const accepted = c.accepted(m);
    return series.slice(from).map((x, k) => {
      const how = ends[from + k];
      if (how === "") return "nothing";
      if (how === "infeasible" || how === "skipped") return how;
      if (how !== "found") return "broken";
      if (Number.isNaN(x)) return "nothing";
      return level(m, part(c, m, from + k, x, first, accepted));
    });
  }

  function part(c, m, night, x, first, accepted) {
    const before = reference.value === "accepted" ? (accepted ? accepted[0] : NaN) : reference.value === "first" ? first : night ? t.upTo(c.series(m), night - 1) : x;
    return Number.isNaN(before) ? (reference.value === "before" ? 0 : NaN) : t.change(m, before, x);
  }

  function strip(c, m, from) {
    const found = classes(c, m, from), paths = new Map();
    for (let k = 0; k < found.length;) {
      let end = k + 1;
      while (end < found.length && found[end] === found[k]) end += 1;
      const [top, high] = shapes[found[k]];
      if (high) paths.set(found[k], `${paths.get(found[k]) || ""}M${k} ${top}h${end - k}v${high}h${k - end}z`);
      k = end;
    }
    const drawn = svg("svg", { viewBox: `0 0 ${found.length} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": said(c, m, found) });
    const marks = t.events.filter((e) => e.night >= from).map((e) => `M${e.night - from + 0.5} 0V${HIGH}`).join("");
    drawn.append(svg("path", { class: "happened", d: marks, "vector-effect": "non-scaling-stroke" }));
    for (const [name, path] of paths) drawn.append(svg("path", { class: `cell ${name}`, d: path }));
    return drawn;
  }

  function said(c, m, found) {
    const counts = ["worse", "better", "broken", "infeasible"].map((w) => [w, found.filter((x) => x.startsWith(w)).length]).filter(([, n]) => n);
    return counts.length ? counts.map(([w, n]) => `${w} in ${n} nights`).join(", ") : "no night is another";
  }

  /** What a row says now: value, change, and by what it is sorted. */
  function now(c, m, from) {
    const series = c.series(m), end = c.end(t.last), x = series[t.last];
    const first = series.find((y) => !Number.isNaN(y));
    const p = Number.isNaN(x) ? NaN : part(c, m, t.last, x, first, c.accepted(m));
    const seen = series.slice(from).filter((y) => !Number.isNaN(y));
    const [low, high] = seen.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity]);
    const bad = end.how === "" ? -Infinity : end.how === "found" ? (Number.isNaN(p) ? 0 : t.harm(m, p) || -1e-9 * Number(Math.abs(p) < t.SURE)) : end.how === c.answer || end.how === "skipped" ? 0 : 1e9;
    return { x, p, end, bad, moved: seen.length ? (high - low) / (Math.abs(high) || 1) : 0 };
  }

  function fill() {
    const from = Math.max(0, t.many - span);
    buttons.forEach((b, k) => b.setAttribute("aria-pressed", String(spans[k] === span)));
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (c) => words.every((w) => (w.startsWith("tag:") ? c.tags.some((x) => `tag:${x}`.toLowerCase().startsWith(w)) : c.name.toLowerCase().includes(w)));
    const has = (c) => !c.metrics.length || c.metrics.some((x) => x.k === of(c).k);
    shown = t.cases.filter((c) => has(c) && fits(c)).map((c) => ({ c, ...now(c, of(c), from) }));
    const by = { worst: (a, b) => b.bad - a.bad || b.moved - a.moved, moved: (a, b) => b.moved - a.moved, name: (a, b) => a.c.name.localeCompare(b.c.name, "en", { numeric: true }), suite: () => 0 }[order.value];
    shown.sort((a, b) => by(a, b) || 0);
    body.replaceChildren(...shown.map((row) => line(row, of(row.c), from)));
    count.textContent = shown.length === t.cases.length ? `${t.cases.length} cases` : `${shown.length} of ${t.cases.length} cases`;
    axis(from);
    key();
  }

  function line({ c, x, p, end }, m, from) {
    const word = end.how === "found" ? t.value(m, x) : end.how || "not run";
    const kind = Number.isNaN(p) ? "" : reference.value === "accepted" ? t.tone(c.judged(m)) : t.tone(t.said(m, p));
    const change = Number.isNaN(p) ? "" : Math.abs(p) < t.SURE ? "same" : t.signed(p, m);
    const cell = el("span", { class: "strip" });
    cell.append(strip(c, m, from));
    return el("div", { class: "strip-row", role: "listitem" }, el("span", { class: "strip-name" }, t.link(c.name)), cell,
      el("span", { class: `strip-now${["", "found", "skipped"].includes(end.how) ? "" : " bad"}` }, word), el("span", { class: `strip-part ${kind}` }, change));
  }

  /** Dates, and marks of what happened to all cases at once, above the strips. */
  function axis(from) {
    const long = t.many - from, at = (night) => `${(100 * (night - from)) / long}%`;
    const ticks = [...Array(Math.min(5, long)).keys()].map((k) => from + Math.floor((k * long) / Math.min(5, long)));
    const events = t.events.filter((e) => e.night >= from);
    const marks = el("div", { class: "strip-axis" },
      ticks.map((night) => el("span", { class: "tick", style: { left: at(night) } }, t.tick(night))),
      events.map((e) => el("span", { class: `event ${e.kind}`, style: { left: at(e.night + 0.5) }, title: `${t.moment(e.night)}: ${e.text}` }, e.mark)));
    head.replaceChildren(el("span", {}), marks, el("span", { class: "strip-now" }, t.tick(t.last)), el("span", { class: "strip-part" }, "change"));
  }

  function key() {
    const swatch = (name, text) => {
      const made = svg("svg", { viewBox: `0 0 14 ${HIGH}`, class: "strip-key", "aria-hidden": "true" });
      const [top, high] = shapes[name];
      made.append(svg("path", { class: `cell ${name}`, d: `M0 ${top}h14v${high}h-14z` }));
      return el("span", {}, made, text);
    };
    const steps = ["0.02 %", "0.5 %", "2 %", "10 %"].map((s) => `≥ ${s}`);
    const sided = metric.value === "" || t.metrics[Number(metric.value)].side
      ? [...[3, 2, 1, 0].map((k) => swatch(`better${k + 1}`, k === 3 ? `better ${steps[k]}` : steps[k])), swatch("same", "same"), ...[0, 1, 2, 3].map((k) => swatch(`worse${k + 1}`, k === 0 ? `worse ${steps[k]}` : steps[k]))]
      : [swatch("same", "same"), ...[0, 1, 2, 3].map((k) => swatch(`other${k + 1}`, k === 0 ? `changed ${steps[k]}` : steps[k]))];
    legend.replaceChildren(...sided, swatch("broken", "broken"), swatch("infeasible", "infeasible"), t.cases.some((c) => c.ended.some(([, how]) => how === "skipped")) ? swatch("skipped", "skipped") : "", el("span", {}, "blank: not run"));
  }

  /** What a strip says under the pointer. */
  function point(event) {
    const over = event.target.closest(".strip"), row = over && shown[[...body.children].indexOf(over.parentNode)];
    told.hidden = !row;
    if (!row) return;
    const box = over.getBoundingClientRect(), from = Math.max(0, t.many - span), m = of(row.c);
    const night = Math.min(t.last, from + Math.floor(((event.clientX - box.left) / box.width) * (t.many - from)));
    const x = row.c.series(m)[night], end = row.c.end(night), first = row.c.series(m).find((y) => !Number.isNaN(y));
    const p = Number.isNaN(x) ? NaN : part(row.c, m, night, x, first, row.c.accepted(m));
    const events = t.events.filter((e) => e.night === night);
    const rows = [["night", t.moment(night)], end.how === "found" ? [m.name, t.value(m, x)] : ["answer", end.how || "not run"], ...(Number.isNaN(p) ? [] : [[references.find(([k]) => k === reference.value)[1], t.signed(p, m)]])];
    told.replaceChildren(...ui.tip(row.c.name, rows).childNodes, ...(end.why ? [el("p", {}, end.why)] : []), ...events.map((e) => el("p", {}, `${e.mark} ${e.text}`)));
    told.style.left = `${Math.min(event.clientX + 14, innerWidth - told.offsetWidth - 8)}px`;
    told.style.top = `${event.clientY + 16 + told.offsetHeight > innerHeight ? event.clientY - told.offsetHeight - 10 : event.clientY + 16}px`;
  }
  body.addEventListener("pointermove", point);
  body.addEventListener("pointerleave", () => { told.hidden = true; });
  body.addEventListener("click", (event) => {
    const over = event.target.closest(".strip"), row = over && shown[[...body.children].indexOf(over.parentNode)];
    if (row) location.hash = t.mark(row.c.name);
  });
  fill();
});
