// Whether somebody must look: passed or failed, how many cases have each verdict, what was accepted last.
mapper.section("regress-headline", (root, d, ui) => {
  const { el } = ui;
  const failing = d.counts.filter((c) => c.fails).reduce((sum, c) => sum + c.count, 0);
  const all = d.counts.reduce((sum, c) => sum + c.count, 0);
  const words = failing ? `${failing} of ${all} case${all === 1 ? "" : "s"} to look at` : d.fails ? "no case alone, but all together" : all ? `nothing to look at in ${all} case${all === 1 ? "" : "s"}` : "no case has a record";
  root.append(
    el("div", { class: "answer" },
      el("div", {}, el("span", {}, d.what),
        el("b", { class: d.fails ? "bad" : "good" }, d.fails ? "✕ failed" : "✓ passed"), el("small", {}, words)),
      d.accepted ? el("div", { class: "accepted" }, el("span", {}, `accepted last on ${d.accepted.when.slice(0, 10)}`), el("span", { class: "why" }, d.accepted.why),
        el("small", {}, `${d.accepted.cases} case${d.accepted.cases === 1 ? "" : "s"}, by ${d.accepted.who}`)) : null),
    el("div", { class: "cards" }, d.counts.map((c) =>
      el("div", { class: "card" }, el("span", {}, c.said), el("b", { class: c.fails ? "bad" : c.said === "better" ? "good" : null }, String(c.count)), el("small", {}, c.meaning)))),
    ...d.notes.map((line) => el("p", { class: "note" }, line)),
  );
});
