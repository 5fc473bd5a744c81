// The value on a scale with the proven bound and the error band, and what the proof rests on.
mapper.section("bound", (root, d, ui) => {
  const { el, si, percent } = ui;
  const higher = d.objective === "throughput";
  const say = (value, unit = d.unit) => (unit === "requests/s" ? `${si(value, "", 2)} ${unit}` : si(value, unit, 2)); // five digits: gaps are small
  if (d.bound === null) {
    root.append(el("p", { class: "words" }, "No bound is known for this objective: how much better a plan could be is open."));
  } else {
    const ends = [d.value, d.bound, ...(d.band ? [d.band.low, d.band.high] : [])];
    const most = 1.06 * Math.max(...ends);
    const at = (value) => `${(100 * value) / most}%`;
    root.append(
      el("p", { class: "words" }, `${say(d.value)}; no placement ${higher ? "has more" : "needs less"} than ${say(d.bound)}: a gap of ${percent(d.gap, 2)}.`),
      el("div", { class: "scale", role: "img", "aria-label": `value ${say(d.value)}, bound ${say(d.bound)}` },
        d.band ? el("i", { class: "band", style: { left: at(d.band.low), width: at(d.band.high - d.band.low) } }) : null,
        el("i", { class: "beyond", style: higher ? { left: at(d.bound), right: "0" } : { left: "0", width: at(d.bound) } }),
        el("i", { class: "value", style: { width: at(d.value) } }),
        el("i", { class: "mark", style: { left: at(d.bound) } }),
      ),
      el("p", { class: "keys" },
        el("span", {}, el("i", { class: "value" }), `this plan, ${say(d.value)}`),
        el("span", {}, el("i", { class: "mark" }), `bound, ${say(d.bound)}`),
        el("span", {}, el("i", { class: "beyond" }), "proven out of reach"),
        d.band ? el("span", {}, el("i", { class: "band" }), `error band of the models, ${say(d.band.low)} to ${say(d.band.high)}`) : null),
    );
  }
  const others = d.bounds.slice(1).map((b) => [`bound on ${b.objective}`, `${say(b.value, b.unit)}, by ${b.name}`]);
  root.append(ui.facts([...d.facts, ...others]));
});
