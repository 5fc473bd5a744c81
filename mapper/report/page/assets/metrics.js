// Metrics of mappings in words: a value with its unit, a change with its sign.
"use strict";

mapper.ui.metric = (() => {
  const { si, percent } = mapper.ui;

  /** The unit that a metric's name ends with, whatever it is a metric of. */
  function unit(name) {
    const [what] = name.split(" of ");
    if (what.endsWith("_per_s")) return "/s";
    if (what.endsWith("bytes")) return "B";
    const found = /_([sjw])$/.exec(what);
    return found ? { s: "s", j: "J", w: "W" }[found[1]] : "";
  }

  /** A value with so many digits more than three; one without a unit without a prefix. */
  function value(name, x, more = 2) {
    if (x === null || x === undefined || Number.isNaN(x)) return "–";
    if (name === "gap") return percent(x, 2);
    if (!unit(name)) return String(Number(x.toPrecision(Number.isInteger(x) ? 7 : 3 + more)));
    return si(x, unit(name), more);
  }

  /** How much more, as a part of what it was; a gap is a part itself, so that it is the difference. */
  function change(name, before, after) {
    if (name === "gap") return after - before;
    if (before === after) return 0;
    return before === 0 ? Math.sign(after) : (after - before) / Math.abs(before);
  }

  /** A change in words, with a sign. */
  function signed(name, part) {
    if (part === null || Number.isNaN(part)) return "";
    const digits = Math.abs(part) < 0.001 ? 3 : Math.abs(part) < 0.1 ? 2 : 1;
    return `${part < 0 ? "−" : "+"}${(100 * Math.abs(part)).toFixed(digits)} %${name === "gap" ? " points" : ""}`;
  }

  const ASKED = ["throughput_per_s", "latency_s", "tokens_per_s", "energy_j", "ttft_s", "tpot_s", "energy_per_token_j"];

  /** Of changes of one case ({metric, size}), the one to tell: that of its objective, else what people ask for first, if
   * it is at least half as large as the largest. */
  function chief(changes, goal = "") {
    const most = Math.max(...changes.map((c) => c.size));
    const large = changes.filter((c) => c.size >= most / 2);
    return [goal, ...ASKED].map((name) => large.find((c) => c.metric === name)).find(Boolean) || changes.find((c) => c.size === most);
  }

  return { unit, value, change, signed, chief };
})();
