// The answer first: the objective's value and how far it is from the proven bound, then the figures that everybody asks for.
mapper.section("headline", (root, d, ui) => {
  const { el, si, percent } = ui;
  const between = (name, unit) => {
    const b = d.bands[name];
    return b && b.relative ? `± ${percent(b.relative, 0)}` : "";
  };
  const rate = [`${si(d.throughput_per_s)}`, "requests/s"];
  const spoken = {
    throughput: ["throughput", ...rate, [`${si(d.tokens_per_s)} tokens/s`, between("throughput_per_s")]],
    latency: [`latency of a ${d.batch ? "batch" : "request"}`, ...si(d.latency_s, "s").split(" "), [between("latency_s")]],
    ttft: ["time to the first token", ...si(d.ttft_s, "s").split(" "), [between("latency_s")]],
    tpot: ["time of each later token", ...si(d.tpot_s, "s").split(" "), [between("latency_s")]],
    energy: ["energy of a request", ...si(d.energy_j, "J").split(" "), [between("energy_j")]],
    edp: ["energy × latency", ...si(d.value, "J·s").split(" "), []],
  }[d.objective];
  const [name, number, unit, notes] = spoken;

  function proof() {
    if (d.bound === null || d.gap === null) return [el("b", {}, "no bound"), el("small", {}, "how much better a plan could be is not known")];
    const bound = d.objective === "throughput" ? `${si(d.bound)} requests/s` : si(d.bound, { energy: "J", edp: "J·s" }[d.objective] || "s");
    return [
      el("b", {}, percent(d.gap, d.gap ? 2 : 0)),
      el("small", {}, `${d.gap ? "" : "optimal: "}no placement does better than ${bound}`),
    ];
  }

  const answer = el("div", { class: "answer" },
    el("div", { class: "main" }, el("span", {}, name), el("b", {}, number, " ", el("small", {}, unit)), el("small", {}, notes.filter(Boolean).join(" · "))),
    el("div", { class: "gap" }, el("span", {}, "gap to the proven bound"), ...proof()),
  );

  const decode = d.phases.some((p) => p.calls > 1);
  const figures = [
    ["throughput", rate[0], ["requests/s", between("throughput_per_s")].filter(Boolean).join(", "), "throughput"],
    [`latency of a ${d.batch ? "batch" : "request"}`, si(d.latency_s, "s"), between("latency_s"), "latency"],
    ["first token", si(d.ttft_s, "s"), "", "ttft"],
    d.tpot_s === null ? null : ["each later token", si(d.tpot_s, "s"), "", "tpot"],
    ["energy of a request", si(d.energy_j, "J"), between("energy_j"), "energy"],
    ["energy of a token", si(d.energy_per_token_j, "J"), between("energy_j")],
    ["mean power", si(d.average_power_w, "W"), d.power_limit_w ? `of ${si(d.power_limit_w, "W")}` : ""],
    ["in flight", d.batch ? `${d.inflight} × ${d.batch}` : String(d.inflight), d.batch ? "batches of requests" : d.inflight === 1 ? "request" : "requests"],
  ].filter((f) => f && f[3] !== d.objective && !(f[3] === "ttft" && !decode && d.objective !== "ttft"));

  const limits = d.limits.map((l) => ["subject to", `${l.text} (here ${l.found.toPrecision(4)})`]);
  const limited = d.limited_by.map((l) => {
    const busy = d.objective === "throughput" && d.busiest.name;
    const words = busy ? `${d.busiest.name}, ${percent(d.busiest.utilisation)} busy; ${percent(l.part)} of its work is ${l.what}` : `${l.what}, ${percent(l.part)}`;
    return ["limited by", words];
  });
  const phases = d.phases.map((p) => `${p.name} (${[p.given, p.calls > 1 ? `${p.calls} calls` : ""].filter(Boolean).join(", ")}) ${si(p.latency_s, "s")}${p.calls > 1 ? " each" : ""}`);
  root.append(
    answer,
    el("div", { class: "cards" }, figures.map(([n, v, note]) => el("div", { class: "card" }, el("span", {}, n), el("b", {}, v), el("small", {}, note || "\u00a0")))),
    ui.facts([...limited, [d.batch ? "a batch is" : "a request is", phases.join(" + ")], ["deployed once", d.deploy_s ? `the weights are written in ${si(d.deploy_s, "s")} with ${si(d.deploy_j, "J")}` : null], ...limits, ...d.notes]),
  );
});
