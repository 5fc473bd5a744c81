// The cases that are not as they were accepted: verdict, the metric that moved most, and all of it in a row that opens.
mapper.section("regress-verdicts", (root, d, ui) => {
  const { el } = ui;
  const model = ui.trends; // where there are nights, names lead to them
  const number = (c, x) => ui.metric.value(c.metric, x);
  const part = (c) => (c.before === null || c.after === null ? "" : ui.metric.signed(c.metric, ui.metric.change(c.metric, c.before, c.after)));
  const tone = (said, fails) => (fails ? "bad" : said === "better" ? "good" : null);
  const name = (r) => (model && model.case(r.case) ? model.link(r.case) : r.case);
  const goal = (r) => (model && model.case(r.case) ? model.case(r.case).goal.name : "");
  const chiefs = new Map(d.rows.map((r) => {
    const worst = r.changes.filter((c) => c.said === r.changes[0].said);
    return [r, worst.length ? ui.metric.chief(worst.map((c) => ({ ...c, size: Math.abs(c.change || 0) })), goal(r)) : null];
  }));
  const first = (r) => chiefs.get(r);
  if (!d.rows.length) {
    root.append(el("p", {}, d.all ? `${d.all === 1 ? "The case is" : `All ${d.all} cases are`} as ${d.all === 1 ? "it was" : "they were"}${d.before === "accepted" ? " accepted" : ""}.` : "There is nothing to compare."));
    return;
  }
  const detail = (r) => [
    r.words ? el("p", {}, r.words) : null,
    r.why.length ? [el("h3", {}, "where it comes from"), el("ul", {}, r.why.map((w) => el("li", {}, w)))] : null,
    r.changes.length ? el("table", { class: "small" },
      el("thead", {}, el("tr", {}, ["metric", d.before, "now", "change", ""].map((t, k) => el("th", { class: k && k < 4 ? "number" : null, scope: "col" }, t)))),
      el("tbody", {}, r.changes.map((c) => el("tr", {}, el("td", { class: "name" }, c.metric), el("td", { class: "number" }, number(c, c.before)),
        el("td", { class: "number" }, number(c, c.after)), el("td", { class: "number" }, part(c)), el("td", {}, el("span", { class: tone(c.said, c.said.endsWith("worse")) }, c.said)))))) : null,
    model && model.case(r.case) ? el("p", {}, model.link(r.case, "its nights")) : null,
  ].flat();
  ui.table(root, [
    { key: "said", title: "verdict", class: "word", text: (r) => el("span", { class: tone(r.said, r.fails) }, r.said), value: (r) => d.rows.indexOf(r) },
    { key: "case", title: "case", class: "name", text: name, value: (r) => r.case },
    { key: "metric", title: "metric", class: "name", text: (r) => (first(r) ? first(r).metric : el("span", { class: "note" }, r.words)), value: (r) => (first(r) ? first(r).metric : r.words) },
    { key: "before", title: d.before, class: "number", text: (r) => (first(r) ? number(first(r), first(r).before) : ""), value: (r) => (first(r) ? first(r).before : null) },
    { key: "after", title: "now", class: "number", text: (r) => (first(r) ? number(first(r), first(r).after) : ""), value: (r) => (first(r) ? first(r).after : null) },
    { key: "change", title: "change", class: "number", text: (r) => (first(r) ? part(first(r)) : ""), value: (r) => Math.abs((first(r) && first(r).change) || 0) },
  ], d.rows, { search: true, rows: 25, detail: (r) => el("div", {}, detail(r)), filters: [{ title: "verdict", of: (r) => r.said }], words: (r) => [r.words, ...r.why].join(" ") });
});
