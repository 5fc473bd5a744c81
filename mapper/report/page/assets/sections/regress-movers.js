// What moved most over the last night, seven nights or thirty: the worst first.
mapper.section("regress-movers", (root, d, ui) => {
  const { el } = ui;
  const t = ui.trends;
  const spans = [1, 7, 30].filter((n, k) => k === 0 || n <= t.last);
  const lead = el("p", { class: "lead" });
  const body = el("div");
  const buttons = spans.map((n) => el("button", { type: "button", "aria-pressed": "false", on: { click: () => show(n) } }, n === 1 ? "last night" : `${n} nights`));
  const names = t.metrics.filter((m) => !m.timed && t.cases.some((c) => c.steps(m).length)).map((m) => m.name);
  const choice = el("select", { "aria-label": "metrics", on: { change: () => show(span) } },
    [["", "one metric of each case"], ["*", "every metric"], ...names.map((n) => [n, n])].map(([v, text]) => el("option", { value: v }, text)));
  let span = 1;
  root.append(lead, el("div", { class: "tools" }, el("span", { class: "buttons" }, buttons), choice), body);

  const LOST = 1e6; // an answer that is lost is worse than any change

  function moved(span) {
    const from = Math.max(0, t.last - span), all = [];
    for (const c of t.cases) {
      const rows = [];
      const [was, is] = [c.end(from), c.end(t.last)];
      if (![was.how, is.how].some((how) => how === "" || how === "skipped") && was.how !== is.how) {
        const lost = was.how === "found" ? LOST : is.how === "found" ? -LOST : LOST / 2;
        rows.push({ c, metric: "answer", before: was.how, after: is.how, part: "", said: lost > 0 ? "worse" : "better", harm: lost, timed: false });
      }
      for (const m of c.metrics) {
        const series = c.series(m);
        const before = t.upTo(series, from), after = series[t.last];
        if (Number.isNaN(before) || Number.isNaN(after)) continue;
        const part = t.change(m, before, after);
        if (Math.abs(part) < t.SURE || m.timed) continue;
        if (choice.value.length > 1 && choice.value !== m.name) continue;
        rows.push({ c, metric: m.name, before: t.value(m, before), after: t.value(m, after), part: t.signed(part, m), size: Math.abs(part), said: t.said(m, part), harm: t.harm(m, part) });
      }
      all.push(...(choice.value === "" && rows.length ? [chief(rows)] : rows));
    }
    const order = (r) => (r.said === "changed" ? 1e-12 * r.size : r.harm);
    return all.sort((a, b) => order(b) - order(a) || a.c.name.localeCompare(b.c.name) || 0);
  }

  /** Of what moved of a case: that its answer is another, else what got worse, else what got better. */
  function chief(rows) {
    const some = ["worse", "better", "changed"].map((w) => rows.filter((r) => r.said === w)).find((found) => found.length);
    return rows[0].metric === "answer" ? rows[0] : ui.metric.chief(some, rows[0].c.goal.name);
  }

  function show(wanted) {
    span = wanted;
    buttons.forEach((b, k) => b.setAttribute("aria-pressed", String(spans[k] === span)));
    const rows = moved(span);
    body.replaceChildren();
    lead.textContent = t.last < 1 ? "There is one night only: nothing to hold it against." : `${t.moment(t.last)} against ${t.moment(Math.max(0, t.last - span))}. Seconds by the wall clock are left out.`;
    if (!rows.length) {
      if (t.last > 0) body.append(el("p", {}, "Nothing moved."));
      return;
    }
    const tone = (r) => el("span", { class: { worse: "bad", better: "good" }[r.said] }, r.said);
    ui.table(body, [
      { key: "case", title: "case", class: "name", text: (r) => t.link(r.c.name), value: (r) => r.c.name },
      { key: "metric", title: "metric", class: "name" },
      { key: "before", title: "before", class: "number" },
      { key: "after", title: "after", class: "number" },
      { key: "part", title: "change", class: "number", value: (r) => (r.size ?? LOST) },
      { key: "said", title: "", text: tone, value: (r) => r.harm },
    ], rows, { search: true, rows: 12, filters: [{ title: "direction", of: (r) => r.said }], words: (r) => r.c.tags.map((x) => `tag:${x}`).join(" ") });
  }
  show(1);
});
