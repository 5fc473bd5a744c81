// What changed in a sentence, the figures that everybody asks for, and what the two plans were made from.
mapper.section("diff-answer", (root, d, ui) => {
  const { el } = ui;
  const SHOWN = 8; // of what the plans were made from
  root.append(
    d.sentence ? el("p", { class: "words" }, d.sentence.replaceAll(" %", "\u00a0%")) : "",
    d.failed.length ? el("ul", {}, d.failed.map((line) => el("li", {}, el("mark", {}, "failed"), ` ${line}`))) : "",
    el("div", { class: "cards" }, d.cards.map((c) =>
      el("div", { class: "card" }, el("span", {}, c.name),
        el("b", { style: { color: c.good === null ? "" : `var(--series-${c.good ? 2 : 4})` } }, c.change || "the same"),
        el("small", {}, `${c.before} → ${c.after}`), c.inside ? el("small", {}, "inside both error bands") : null))),
    d.inputs.length ? el("h3", {}, "made from") : "",
    d.inputs.length ? ui.facts(d.inputs.slice(0, SHOWN)) : "",
    d.inputs.length > SHOWN ? el("details", {}, el("summary", {}, `${d.inputs.length - SHOWN} more`), ui.facts(d.inputs.slice(SHOWN))) : "",
    d.alone.length ? el("h3", {}, "ops that do not stand one for one") : "",
    d.alone.length ? el("ul", {}, d.alone.map((line) => el("li", {}, line))) : "",
  );
});
