// What limits the plan: what the objective's value is made of, and the busiest resources beside it.
mapper.section("limits", (root, d, ui) => {
  const { el, si, percent, bar } = ui;
  const rows = (list, most) => el("table", { class: "bars" }, el("tbody", {}, list.map(([name, note, part, tone, after]) => el("tr", {},
    el("td", { class: "name" }, name, note ? el("small", {}, note) : null),
    el("td", { class: "wide" }, scaled(part, most, tone)),
    el("td", { class: "number" }, after),
  ))));
  const scaled = (part, most, tone) => {
    const made = bar(part, tone);
    made.querySelector(".fill").style.width = `${Math.min(100, 100 * part / most)}%`;
    return made;
  };
  const flow = d.objective === "throughput";
  const energy = d.objective === "energy" || d.objective === "edp";
  const first = flow ? `what fills ${d.busiest}` : energy ? "what the energy is spent on" : "what the time is spent on";
  const largest = Math.max(...d.causes.map((c) => c.part), 1e-9);
  const shown = d.causes.reduce((sum, c) => sum + c.part, 0);
  const causes = d.causes.map((c) => [c.what, "", c.part, "plain", ""]);
  const resources = d.resources.map((r) => [r.name, r.kind, r.utilisation, "heat", `${si(r.load_s, "s")}`]);
  const sentences = [];
  if (flow && d.busiest) sentences.push(`A new request every ${si(d.interval_s, "s")}; ${d.busiest} is ${percent(d.utilisation)} busy.`);
  const [top, next] = d.resources;
  if (flow && next && top.load_s > next.load_s) {
    const most = d.interval_s / next.load_s - 1;
    sentences.push(`With ${top.name} out of the way and this placement, ${next.name} would limit next: at most ${percent(most)} more.`);
  }
  sentences.push(...d.waiting.map((w) => `${w[0].toUpperCase()}${w.slice(1)}.`.replace(/\)\.$/, ")")));
  root.append(
    sentences.length ? el("p", { class: "words" }, sentences.join(" ")) : "",
    el("div", { class: "two" },
      el("div", {}, el("h3", {}, first), rows(causes, largest), shown < 0.995 ? el("p", { class: "lead" }, `and ${percent(1 - shown)} in smaller parts`) : null),
      el("div", {}, el("h3", {}, "busy in steady state, and busy time of a request"), rows(resources, 1)),
    ),
  );
});
