// The figures that everybody asks for, largest first.
mapper.section("headline", (root, d, ui) => {
  const band = (name) => (d.bands[name] ? ` ± ${ui.percent(d.bands[name].relative, 0)}` : "");
  const cards = [
    ["throughput", `${ui.si(d.throughput_per_s)} requests/s`, `${ui.si(d.tokens_per_s)} tokens/s${band("throughput_per_s")}`],
    ["first token", ui.si(d.ttft_s, "s"), d.tpot_s === null ? "" : `then ${ui.si(d.tpot_s, "s")} each`],
    ["latency of a request", ui.si(d.latency_s, "s"), band("latency_s").trim()],
    ["energy per token", ui.si(d.energy_per_token_j, "J"), `${ui.si(d.energy_j, "J")} a request${band("energy_j")}`],
    ["power", ui.si(d.average_power_w, "W"), d.power_limit_w ? `of ${ui.si(d.power_limit_w, "W")}` : ""],
    ["gap to the proven bound", ui.percent(d.gap), d.bound_name || "no bound is known"],
  ];
  root.classList.add("cards");
  root.append(...cards.map(([name, value, note]) => ui.el("div", { class: "card" }, ui.el("span", {}, name), ui.el("b", {}, value), ui.el("small", {}, note))));
});
