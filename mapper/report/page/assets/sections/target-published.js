// What makers say of the whole, beside what the parts give.
mapper.section("target-published", (root, d, ui) => {
  const off = (r) => (r.off === null ? "the parts do not tell" : `${r.off > 0 ? "+" : ""}${(100 * r.off).toFixed(1)} %`);
  ui.table(root, [
    { key: "part", title: "of", class: "name" },
    { key: "key", title: "figure", class: "name" },
    { key: "published", title: "published", class: "number", value: (r) => r.numbers[0] },
    { key: "derived", title: "from the parts", class: "number", value: (r) => r.numbers[1] },
    { key: "off", title: "differs", class: "number", text: off, note: "what the parts give, against the published figure" },
    { key: "within", title: "allowed", class: "number", text: (r) => `${+(100 * r.within).toFixed(2)} %` },
    { key: "source", title: "source", class: "long" },
  ], d.rows, { rows: 40 });
});
