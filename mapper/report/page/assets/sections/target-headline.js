// A target at a glance: its peaks, memory and power, and what its figures rest on.
mapper.section("target-headline", (root, d, ui) => {
  const { el } = ui;
  const shares = el("div", { class: "shares", "aria-hidden": "true" }, d.shares.map(([basis, part]) => el("i", { class: `basis ${basis}`, style: { width: `${100 * part}%` } })));
  const key = el("div", { class: "shares-key" }, d.shares.map(([basis, part, means]) => el("span", { title: means }, el("span", { class: `basis ${basis}` }, basis), ` ${ui.percent(part, 0)}`)));
  root.append(
    el("div", { class: "cards" }, d.cards.map(([name, value, note]) => el("div", { class: "card" }, el("span", {}, name), el("b", { style: { whiteSpace: "normal" } }, value), el("small", {}, note || "\u00a0")))),
    el("h3", {}, "what its figures rest on"), shares, key,
    ui.facts(d.facts),
  );
});
