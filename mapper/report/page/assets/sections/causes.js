// Where energy and time go: flows from phases to causes, and the time of each unit as areas.
mapper.section("causes", (root, d, ui) => {
  const SMALL = 0.004; // of the whole: less is drawn with others
  const total = (rows) => rows.reduce((sum, r) => sum + r[r.length - 1], 0);
  const sums = { energy: total(d.energy), time: total(d.time) };
  const lead = ui.el("p", { class: "lead" });
  const buttons = ["energy", "time"].map((name) => ui.el("button", { type: "button", "aria-pressed": "false", on: { click: () => show(name) } }, name));
  root.append(ui.el("div", { class: "tools" }, ui.el("span", { class: "buttons" }, buttons)), lead);
  let shown = "energy";
  const handle = ui.chart(root, 460, () => (shown === "energy" ? flows() : areas()));

  function show(name) {
    shown = name;
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.textContent === name)));
    const kinds = d.grouped ? " Units of a kind stand as one." : "";
    lead.textContent = name === "energy"
      ? `${ui.si(sums.energy, "J")} a request, from phases over units and classes of ops to causes.${kinds}`
      : `${ui.si(sums.time, "s")} of all units between two requests in steady state: area is time, grey is waiting.${kinds}`;
    if (handle.chart) handle.draw();
  }

  const COLUMNS = ["phase", "where", "what", "cause"];

  /** A part of the whole as the command tells it. */
  function part(share) {
    return share > 0 && share < 0.0005 ? "< 0.1 %" : ui.percent(share, share < 0.0995 ? 1 : 0);
  }

  /** Nodes are told apart by their column; what is small in a column is one node there. */
  function flows() {
    const weight = COLUMNS.map(() => new Map());
    d.energy.forEach((r) => COLUMNS.forEach((_, k) => weight[k].set(r[k], (weight[k].get(r[k]) || 0) + r[4])));
    const node = (r, k) => (weight[k].get(r[k]) < SMALL * sums.energy ? `${k}:other` : `${k}:${r[k]}`);
    const name = (id) => (id.endsWith(":other") ? "other" : d.words[Number(id.slice(2))]);
    const links = new Map(), nodes = new Map();
    for (const r of d.energy) {
      COLUMNS.forEach((_, k) => nodes.set(node(r, k), (nodes.get(node(r, k)) || 0) + r[4]));
      for (let k = 0; k < 3; k += 1) {
        const key = `${node(r, k)} ${node(r, k + 1)}`;
        links.set(key, (links.get(key) || 0) + r[4]);
      }
    }
    const order = [...nodes.keys()];
    const short = (text) => (text.length > 20 ? `${text.slice(0, 7)}…${text.slice(-11)}` : text); // ends tell names apart
    return {
      series: [{
        type: "sankey",
        left: 4, right: 170, top: 8, bottom: 8,
        nodeGap: 11, nodeWidth: 14, draggable: false, emphasis: { focus: "adjacency" },
        data: order.map((id) => ({ name: id, depth: Number(id[0]), itemStyle: { color: ui.color(`series-${order.filter((o) => o[0] === id[0]).indexOf(id) % 8}`) } })),
        links: [...links].map(([key, value]) => ({ source: key.split(" ")[0], target: key.split(" ")[1], value })),
        label: { color: ui.color("ink"), fontSize: 11, formatter: (p) => `${short(name(p.name))}  ${part(nodes.get(p.name) / sums.energy)}` },
        labelLayout: { hideOverlap: true },
        lineStyle: { color: "source", opacity: 0.28, curveness: 0.5 },
        tooltip: {
          formatter: (p) => {
            const value = p.dataType === "edge" ? p.data.value : nodes.get(p.name);
            const title = p.dataType === "edge" ? `${name(p.data.source)} → ${name(p.data.target)}` : name(p.name);
            return ui.tip(title, [["energy a request", ui.si(value, "J")], ["of all", ui.percent(value / sums.energy)]]);
          },
        },
      }],
    };
  }

  function areas() {
    const tree = new Map();
    const spent = new Map();
    d.time.filter((r) => d.words[r[1]] !== "waiting").forEach((r) => spent.set(r[1], (spent.get(r[1]) || 0) + r[3]));
    const classes = [...spent].sort((a, b) => b[1] - a[1]).map(([what]) => what);
    for (const [where, what, cause, value] of d.time) {
      if (!tree.has(where)) tree.set(where, new Map());
      const inside = tree.get(where);
      if (!inside.has(what)) inside.set(what, []);
      inside.get(what).push([cause, value]);
    }
    const paint = (what) => ({ color: d.words[what] === "waiting" ? ui.color("line") : ui.color(`series-${Math.min(7, classes.indexOf(what))}`), borderColor: ui.color("paper"), borderWidth: 1 });
    const sum = (rows) => rows.reduce((a, [, v]) => a + v, 0);
    const busy = (inside) => [...inside].reduce((a, [what, rows]) => a + (d.words[what] === "waiting" ? 0 : sum(rows)), 0);
    const data = [...tree].map(([where, inside]) => ({
      name: d.words[where],
      busy: busy(inside) / [...inside.values()].reduce((a, rows) => a + sum(rows), 0),
      value: [...inside.values()].reduce((a, rows) => a + sum(rows), 0),
      children: [...inside].map(([what, rows]) => ({
        name: d.words[what],
        value: sum(rows),
        itemStyle: paint(what),
        label: { color: ui.on(paint(what).color) },
        waits: d.words[what] === "waiting",
        children: rows.length > 1 ? rows.map(([cause, value]) => ({ name: d.words[cause], value, itemStyle: paint(what), label: { color: ui.on(paint(what).color) } })) : undefined,
        limit: rows.length === 1 ? d.words[rows[0][0]] : undefined,
      })),
    }));
    return {
      series: [{
        type: "treemap",
        name: "all units",
        left: 0, right: 0, top: 4, bottom: 30, roam: false, nodeClick: "zoomToNode", sort: "desc", squareRatio: 0.8,
        breadcrumb: { bottom: 0, itemStyle: { color: ui.color("ground"), borderColor: ui.color("line"), textStyle: { color: ui.color("ink") } } },
        data,
        label: { color: "#ffffff", fontSize: 11, overflow: "truncate", formatter: (p) => (p.data.waits ? "" : p.name) },
        upperLabel: { show: true, height: 19, color: ui.color("ink"), fontSize: 11, formatter: (p) => (p.data.busy === undefined ? p.name : `${p.name}  ${part(p.data.busy)} busy`) },
        levels: [
          { itemStyle: { gapWidth: 5, borderWidth: 0, borderColor: ui.color("paper") }, upperLabel: { show: false } },
          { itemStyle: { gapWidth: 1, borderWidth: 1, borderColor: ui.color("ground") } },
          { itemStyle: { gapWidth: 1 } },
        ],
        tooltip: {
          formatter: (p) => {
            const path = p.treePathInfo.slice(1).map((x) => x.name);
            const unit = data.find((u) => u.name === path[0]);
            if (!unit) return ui.tip("all units", [["time", ui.si(p.value, "s")]]);
            return ui.tip(path.join(" · "), [
              ["time between requests", ui.si(p.value, "s")],
              [`of ${path[0]}`, ui.percent(p.value / unit.value)],
              ...(p.data.limit && !p.data.waits ? [["limited by", p.data.limit]] : []),
            ]);
          },
        },
      }],
    };
  }

  ui.printed(root, () => `Not on paper: ${shown === "energy" ? "time" : "energy"} by cause.`);
  show("energy");
});
