// What every page shares: elements made of text, charts that are drawn when they come into view, light, dark and print.
"use strict";

const mapper = (() => {
  const drawers = {};
  const first = [];
  const charts = [];
  let printing = false;
  const unseen = new Map(); // element -> what draws it when it comes near the window
  const data = JSON.parse(document.getElementById("data").textContent);

  /** An element with attributes (`class`, `title`, `on: {click}` ...) and children; strings become text, never HTML. */
  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (key === "style") Object.assign(made.style, value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined) made.append(child instanceof Node ? child : String(child));
    }
    return made;
  }

  const SIZES = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];

  /** A number with three digits (and so many more) and a prefix: si(0.0042, "s") is "4.20 ms". */
  function si(value, unit = "", more = 0) {
    if (value === null || value === undefined) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "–";
    if (value === 0) return `0 ${unit}`.trim();
    if (!unit && Math.abs(value) >= 1e-3 && Math.abs(value) < 0.9995) return value.toPrecision(3 + more);
    const [size, prefix] = SIZES.find(([s]) => Math.abs(value) >= s * 0.9995) || SIZES[SIZES.length - 1];
    const scaled = value / size;
    const digits = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
    return `${scaled.toFixed(digits + more)} ${prefix}${unit}`.trim();
  }

  /** A part as a percentage; one that would read as nothing has as many digits as it takes. */
  function percent(part, digits = 1) {
    if (part === null || part === undefined || Number.isNaN(part)) return "–";
    const hundred = 100 * part;
    if (hundred !== 0 && Math.abs(hundred) < 0.5 * 10 ** -digits) return Math.abs(hundred) < 0.001 ? "< 0.001 %" : `${hundred.toFixed(3)} %`;
    return `${hundred.toFixed(Math.abs(hundred) >= 99.95 ? 0 : digits)} %`;
  }

  /** A tooltip for ECharts: rows of [label, value] under a title, all of them text. */
  function tip(title, rows) {
    return el("div", { class: "tip" }, el("b", {}, title), rows.map(([a, b]) => el("div", {}, el("span", {}, a), el("span", {}, b))));
  }

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  /** Colour of a utilisation from 0 to 1, the same in every chart. */
  function heat(part) {
    const steps = [color("heat-0"), color("heat-1"), color("heat-2"), color("heat-3"), color("heat-4")];
    return steps[Math.min(steps.length - 1, Math.floor(Math.max(0, part) * steps.length))];
  }

  /** The colour of text that stands on `heat(part)`. */
  function ink(part) {
    return on(heat(part));
  }

  /** The colour of text that can be read on a colour. */
  function on(ground) {
    const [r, g, b] = ground.match(/[0-9a-f]{2}/gi).map((h) => parseInt(h, 16));
    return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#16202c" : "#ffffff";
  }

  /** A chart below `root`: `option(theme)` is asked for ECharts' option when it comes into view and at each change of
   * theme; returns a handle whose `.chart` is the ECharts instance once there is one. */
  function chart(root, height, option, ready) {
    const box = el("div", { class: "chart", style: { height: `${height}px` } });
    root.append(box);
    const handle = {
      box,
      chart: null,
      draw() {
        const zoom = handle.chart ? handle.chart.getOption().dataZoom : null;
        if (handle.chart) handle.chart.dispose();
        handle.chart = echarts.init(box, null, { renderer: "canvas", devicePixelRatio: printing ? 3 : undefined });
        const base = {
          animation: false,
          backgroundColor: "transparent",
          textStyle: { color: color("ink"), fontFamily: "system-ui, sans-serif" },
          color: Array.from({ length: 8 }, (_, k) => color(`series-${k}`)),
          tooltip: { confine: true, backgroundColor: color("paper"), borderColor: color("line"), textStyle: { color: color("ink") } },
        };
        const asked = option();
        handle.chart.setOption({ ...base, ...asked, tooltip: { ...base.tooltip, ...asked.tooltip } });
        (zoom || []).forEach((z, k) => handle.chart.dispatchAction({ type: "dataZoom", dataZoomIndex: k, start: z.start, end: z.end }));
        if (ready) ready(handle.chart);
      },
    };
    charts.push(handle);
    later(box, () => handle.draw());
    return handle;
  }

  /** Take out everything in an element: its charts are drawn no more. */
  function clear(root) {
    for (const one of charts.filter((c) => root.contains(c.box))) {
      charts.splice(charts.indexOf(one), 1);
      unseen.delete(one.box);
      watcher.unobserve(one.box);
      if (one.chart) one.chart.dispose();
    }
    root.replaceChildren();
  }

  /** Do something when an element comes near the window, or the page is printed. */
  function later(element, act) {
    unseen.set(element, act);
    watcher.observe(element);
  }

  const watcher = new IntersectionObserver(
    (entries) => entries.filter((e) => e.isIntersecting).forEach((e) => see(e.target)),
    { rootMargin: "300px" },
  );

  function see(element) {
    const act = unseen.get(element);
    unseen.delete(element);
    watcher.unobserve(element);
    if (act) act();
  }

  function seeAll() {
    while (unseen.size) [...unseen.keys()].forEach(see);
  }

  /** A bar for a part from 0 to 1, with its percentage as text. `tone` is "heat" for a utilisation. */
  function bar(part, tone = "plain") {
    const width = `${Math.min(100, Math.max(0, 100 * (part || 0)))}%`;
    const fill = el("i", { class: `fill ${tone}`, style: { width, minWidth: part > 0 ? "2px" : "0" } });
    if (tone === "heat") fill.dataset.heat = String(Math.min(4, Math.floor(Math.max(0, part) * 5)));
    return el("span", { class: "bar" }, el("span", { class: "track", "aria-hidden": "true" }, fill), el("span", { class: "part" }, percent(part)));
  }

  /** Terms and their definitions as a list; pairs without a definition are left out. */
  function facts(pairs) {
    const told = pairs.filter(([, b]) => b !== null && b !== undefined && b !== "");
    return el("dl", { class: "facts" }, told.map(([a, b]) => el("div", {}, el("dt", {}, a), el("dd", {}, b))));
  }

  /** A sentence that stands on paper only: `words()` says, when the page is printed, what of the section is not there. */
  function printed(root, words) {
    const note = el("p", { class: "hint printed" });
    root.append(note);
    addEventListener("beforeprint", () => { note.textContent = words(); });
  }

  function section(name, draw) {
    drawers[name] = draw;
  }

  /** Have `act(data)` done, and waited for, before any section is drawn. */
  function before(act) {
    first.push(act);
  }

  function redraw() {
    charts.filter((c) => c.chart).forEach((c) => c.draw());
  }

  function theme(wanted) {
    document.documentElement.dataset.theme = wanted;
    redraw();
  }

  const ui = { el, si, percent, tip, color, heat, ink, on, chart, clear, later, bar, facts, printed }; // and table, of table.js

  /** The page's own parts: its title, the list of its sections, and each section as its script draws it. */
  async function start() {
    if (first.length) await Promise.all(first.map((act) => act(data)));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
    dark.addEventListener("change", (e) => theme(e.matches ? "dark" : "light"));
    const other = () => (document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    const main = el("main");
    const links = new Map(data.sections.filter((s) => s.title).map((s) => [s.name, el("a", { href: `#${s.name}` }, s.title)]));
    const nav = el("nav", { "aria-label": "sections", hidden: links.size < 2 }, [...links.values()]);
    const toggle = el("button", { type: "button", class: "theme", title: "light or dark", "aria-label": "light or dark", on: { click: () => theme(other()) } }, "◐");
    document.body.append(el("header", {}, el("div", {}, el("h1", {}, data.title), el("p", {}, data.subtitle)), toggle), nav, main);
    for (const s of data.sections) {
      const root = el("div", { class: "body" });
      const title = s.title ? el("h2", { id: `${s.name}-title` }, s.title) : null;
      main.append(el("section", { id: s.name, "data-section": s.name, "aria-labelledby": title && title.id }, title, s.lead ? el("p", { class: "lead" }, s.lead) : null, root));
      drawers[s.script](root, s.data, ui);
    }
    follow(links);
    let asked = 0;
    addEventListener("resize", () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(resize);
    });
    let before = null;
    addEventListener("beforeprint", () => {
      before = document.documentElement.dataset.theme;
      printing = true;
      document.documentElement.dataset.printing = "yes"; // as wide as paper, so that charts are
      seeAll();
      theme("light");
    });
    addEventListener("afterprint", () => {
      printing = false;
      delete document.documentElement.dataset.printing;
      theme(before || "light");
    });
    document.documentElement.dataset.ready = "yes";
  }

  function resize() {
    charts.forEach((c) => c.chart && c.chart.resize());
  }

  /** The link of the section that is being read is marked. */
  function follow(links) {
    const nav = new IntersectionObserver((entries) => {
      for (const e of entries) {
        const link = links.get(e.target.id);
        if (e.isIntersecting) links.forEach((a) => a.toggleAttribute("aria-current", a === link));
      }
    }, { rootMargin: "-15% 0px -75% 0px" });
    document.querySelectorAll("section").forEach((s) => nav.observe(s));
  }

  return { section, before, start, ui };
})();
