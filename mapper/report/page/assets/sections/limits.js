// What limits the plan: the chain of busiest resources, the critical path of a request, and for energy its causes.
mapper.section("limits", (root, d, ui) => {
  const { el, si, percent, bar } = ui;
  const small = (words) => el("small", {}, words);
  const gain = (part) => (part < 9 ? `+${percent(part).replace(" ", "\u00a0")}` : `${Math.round(1 + part).toLocaleString("en")} times as many`);

  /** A bar as long as its part of the largest one. */
  function scaled(part, most) {
    const made = bar(part);
    made.querySelector(".fill").style.width = `${(100 * part) / most}%`;
    return made;
  }

  function rows(list) {
    const most = list.reduce((m, [, part]) => Math.max(m, part), 1e-12);
    return el("table", { class: "bars" }, el("tbody", {}, list.map(([name, part, after, ...notes]) => el("tr", {},
      el("td", { class: "name" }, name, notes.filter(Boolean).map((n) => el("div", { class: "note" }, n))),
      el("td", { class: "wide" }, scaled(part, most)),
      el("td", { class: "number" }, after || ""),
    ))));
  }

  function relief(limit, k) {
    if (limit.gain_relieved === null) return null;
    if (k > 0) return `Without ${k === 1 ? "1 and 2" : `1 to ${k + 1}`}: at most ${gain(limit.gain_relieved)} requests, then ${limit.then} limits.`;
    const twice = `Twice as fast: at most ${gain(limit.gain_twice_as_fast)} requests with this placement`;
    if (limit.gain_relieved <= 1.01 * limit.gain_twice_as_fast) return `${twice}, as then ${limit.then} limits.`;
    return `${twice}; if it took no time ${gain(limit.gain_relieved)}, then ${limit.then} limits.`;
  }

  function names(limit) {
    const shown = limit.resources.slice(0, 3).join(", ");
    const more = limit.resources.length - 3 + limit.more;
    return more > 0 ? el("span", { title: limit.resources.join(", ") }, `${shown} and ${more} more`) : shown;
  }

  const parts = {
    chain() {
      const items = d.chain.map((limit, k) => el("li", {},
        el("div", { class: "limit" }, el("b", {}, names(limit)), small(limit.kind), bar(limit.busy, "heat")),
        el("ul", {}, limit.fills.filter((f) => f.part >= 0.005).map((f) => el("li", {}, f.what, " ", small(percent(f.part, 0))))),
        el("div", { class: "note" }, relief(limit, k)),
      ));
      const waits = d.waiting.length ? el("p", {}, d.waiting.join(" ")) : null;
      return [el("h3", {}, `busiest in steady state, a new ${d.batch ? `batch of ${d.batch} requests` : "request"} every ${si(d.interval_s, "s")}, ${d.inflight} in flight`), el("ol", { class: "chain" }, items), waits];
    },
    path() {
      const total = d.path.stretches.reduce((sum, s) => sum + s.time_s, 0) / Math.max(1e-12, 1 - d.path.rest);
      const told = (seconds, words) => (seconds >= total / 1000 ? `${percent(seconds / total)} ${words}` : null);
      const list = d.path.stretches.map((s) => [
        s.what, s.part, `${s.times.toLocaleString("en")} × ${si(s.time_s / s.times, "s")}`,
        told(s.queueing_s, "in which what comes next waits for the unit, not for this result"),
        told(s.sharing_s, "waits for a shared memory"),
      ]);
      const rest = d.path.more ? el("p", { class: "note" }, `and ${percent(d.path.rest)} in ${d.path.more} more`) : null;
      const where = d.path.where ? el("p", { class: "note" }, `${percent(d.path.part)} of it on ${d.path.where}: twice as fast, it would save at most ${percent(d.path.part / 2)}.`) : null;
      return [el("h3", {}, `the critical path ${d.path_of}, ${si(total, "s")}`), rows(list), rest, where];
    },
    energy() {
      const watts = d.idle_w.slice(0, 6).map(([name, w]) => `${name} ${si(w, "W")}`).join(", ");
      return [el("h3", {}, "what the energy is spent on"), rows(d.energy.map((c) => [c.what, c.part, "", c.what === "idle" ? `switched on for ${si(d.interval_s, "s")}: ${watts}` : null]))];
    },
  };
  root.append(el("div", { class: "two" }, d.order.map((name) => el("div", {}, parts[name]()))));
});
