// The nights of a suite: unpacked before any section is drawn, asked by case, metric and night.
"use strict";

mapper.before(async (page) => {
  const { el, metric: words } = mapper.ui;
  const packed = page.sections.find((s) => s.data && s.data.packed).data.packed;
  if (!("DecompressionStream" in window)) {
    document.body.append(el("p", {}, "This browser cannot unpack the page: it needs one of 2023 or later."));
    throw new Error("no DecompressionStream");
  }
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  const many = data.nights.length, last = many - 1;

  const NONE = { k: -1, name: "objective", side: 0, timed: false }; // of a case that never had a number
  const metrics = data.metrics.map(([name, side, timed], k) => ({ k, name, side, timed: Boolean(timed) }));
  const cases = data.cases.map(unpack);
  const by = new Map(cases.map((c) => [c.name, c]));

  function unpack(row) {
    const kept = new Map();
    const mine = {
      name: row.name, tags: row.tags, objective: row.objective, answer: row.answer, ended: row.ended,
      metrics: metrics.filter((m) => row.trends[m.k] !== undefined).map((m) => own(m)),
      /** The metric that tells the case: its objective, or the headline of a score. */
      goal: metrics[row.goal] ? own(metrics[row.goal]) : NONE,
      /** A metric with the side that is better of this case. */
      own: (m) => own(m),
      /** [value, how far another may be from it] that was accepted; null where nothing was. */
      accepted: (m) => row.accepted[m.k] || null,
      /** What is said of the last night against what was accepted, and of a metric of it ("" for nothing). */
      verdict: row.said[0],
      judged: (m) => row.said[1][m.k] || "",
      /** How it ended in a night, and why: {how, why}; how is "" where it was not run. */
      end(night) {
        const found = row.ended.findLast(([n]) => n <= night);
        return found ? { how: found[1], why: found[2] } : { how: "", why: "" };
      },
      /** How it ended, by night: a word each. */
      ends: () => keep("ends", () => fill(row.ended.flatMap(([n, how]) => [n, how]), "")),
      /** A metric by night; NaN where there was no plan, or no such metric. */
      series: (m) => keep(m.k, () => {
        const ends = mine.ends();
        return fill(row.trends[m.k] || [], NaN).map((x, k) => (ends[k] === "found" && x !== null ? x : NaN));
      }),
      /** The nights in which a metric changed, the first one left out. */
      steps: (m) => (row.trends[m.k] || []).filter((_, k) => k % 2 === 0).slice(1),
    };
    return mine;
    function own(m) {
      return row.sides[m.k] === undefined ? m : { ...m, side: row.sides[m.k] };
    }
    function keep(key, make) {
      if (!kept.has(key)) kept.set(key, make());
      return kept.get(key);
    }
  }

  /** Nights and values one after the other, as a value a night. */
  function fill(flat, none) {
    const made = new Array(many).fill(none);
    for (let k = 0; k < flat.length; k += 2) made.fill(flat[k + 1], flat[k], flat[k + 2] ?? many);
    return made;
  }

  /** The latest value up to a night; NaN where there is none. */
  function upTo(series, night) {
    for (let k = night; k >= 0; k -= 1) if (!Number.isNaN(series[k])) return series[k];
    return NaN;
  }

  const change = (metric, before, after) => words.change(metric.name, before, after);

  const SURE = 1e-5; // less is the rounding of the values here

  /** How much worse a change is: below 0 it is better; a metric without a better side has none of both. */
  const harm = (metric, part) => (Math.abs(part) < SURE ? 0 : -metric.side * part);

  /** A change in words. */
  const signed = (part, metric) => (Math.abs(part) < SURE ? "0 %" : words.signed(metric.name, part) || "–");

  const said = (metric, part) => {
    const h = harm(metric, part);
    return h > 0 ? "worse" : h < 0 ? "better" : Math.abs(part) >= SURE ? "changed" : "same";
  };

  const value = (metric, x, more = 2) => words.value(metric.name, x, more);

  const day = (night) => (night < 0 ? "before" : data.nights[night][0].slice(0, 10));
  /** The night's date; its hour as well where there were several runs on that day. */
  const moment = (night) => {
    const near = [night - 1, night + 1].some((k) => k >= 0 && k < many && day(k) === day(night));
    return near ? data.nights[night][0].replace("T", " ").slice(0, 16) : day(night);
  };
  /** As short as an axis needs it: the date, or date and hour without the year. */
  const tick = (night) => (moment(night).length > 10 ? moment(night).slice(5) : day(night));
  const tone = (said) => (said.endsWith("worse") ? "bad" : said === "better" ? "good" : "");
  /** Where a case is in the page; a name that is no text (half a pair) leads nowhere. */
  const mark = (name) => {
    try {
      return `#case=${encodeURIComponent(name)}`;
    } catch {
      return "#case";
    }
  };
  const link = (name, text) => el("a", { href: mark(name) }, text ?? name);

  /** What happened to all cases at once, in order: {night, kind, mark, text}; what changes nearly every night, such as
   * the digest of the code, is no event. */
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const upgrades = new Map();
  for (const [night, name, before, after] of data.upgrades.filter(([, name]) => name !== "code")) {
    if (!upgrades.has(night)) upgrades.set(night, []);
    upgrades.get(night).push(`${name} ${before || "?"} → ${after || "?"}`);
  }
  const letter = (k) => (k < 26 ? LETTERS[k] : letter(Math.floor(k / 26) - 1) + LETTERS[k % 26]);
  const events = [
    ...[...upgrades].map(([night, texts], k) => ({ night, kind: "upgrade", mark: letter(k), text: texts.join(", ") })),
    ...data.accepted.filter(([night]) => night >= 0).map(([night, , who, why, n], k) =>
      ({ night, kind: "accepted", mark: `✓${k + 1}`, text: `accepted ${n} case${n === 1 ? "" : "s"}: ${why} (${who})` })),
  ].sort((a, b) => a.night - b.night);
  /** By night, the code from then on, as it changed. */
  const code = new Map(data.upgrades.filter(([, name]) => name === "code").map(([night, , , after]) => [night, after]));

  mapper.ui.trends = { many, last, metrics, cases, case: (name) => by.get(name), upTo, change, harm, signed, said, value, day, moment, tick, tone, mark, link, events, code, SURE };
});
