"use strict";

/* What the page knows. Samples and heat maps are parsed when first asked for. */
Explorer.data = (() => {
  const parsed = new Map();

  function once(name, make) {
    if (!parsed.has(name)) parsed.set(name, make());
    return parsed.get(name);
  }

  const block = (id) => once(id, () => JSON.parse(document.getElementById(id).textContent));
  const report = block("report");
  const neurons = report.neurons;
  const size = neurons.key.length;
  const names = report.concepts.name;
  const some = (column) => column.some((number) => number !== null);

  /* Which things are known at all, so that nothing empty is shown. */
  const has = {
    layers: report.layers.length > 1,
    heldout: some(neurons.heldout_auc),
    interval: some(neurons.low),
    p: some(neurons.p_adjusted),
    significance: some(neurons.significant),
    top: Boolean(neurons.top),
  };

  function bytes(text) {
    const characters = atob(text);
    const numbers = new Uint8Array(characters.length);
    for (let i = 0; i < characters.length; i += 1) numbers[i] = characters.charCodeAt(i);
    return numbers;
  }

  const rowOfKey = () => once("rowOfKey", () => new Map(neurons.key.map((key, row) => [key, row])));
  const conceptOfName = () => once("conceptOfName", () => new Map(names.map((name, index) => [name, index])));

  /* The concepts of a formula: [index, whether it is negated]. */
  function literals(row) {
    const found = [];
    const outer = [];
    let around = false;
    let tilde = false;
    for (const token of neurons.formula[row] || []) {
      if (typeof token !== "string") {
        found.push([token.c, around !== tilde]);
        tilde = false;
        continue;
      }
      for (const sign of token) {
        if (sign === "~") tilde = !tilde;
        if (sign === "(") {
          outer.push(around);
          around = around !== tilde;
          tilde = false;
        }
        if (sign === ")") around = outer.pop();
      }
    }
    return found;
  }

  /* For each concept the rows whose label it is, that combine it with others, that negate it. */
  function uses() {
    return once("uses", () => {
      const lists = names.map(() => ({ alone: [], combined: [], negated: [] }));
      for (const row of order()) {
        const parts = literals(row);
        for (const [concept, negated] of parts) {
          const use = lists[concept];
          const list = negated ? use.negated : parts.length === 1 ? use.alone : use.combined;
          if (list[list.length - 1] !== row) list.push(row);
        }
      }
      return lists;
    });
  }

  /* Rows in order of evidence, significant ones first. */
  function order() {
    return once("order", () => {
      const rank = (row) => (neurons.significant[row] === 1 ? 1 : 0);
      const evidence = (row) => (neurons.evidence[row] === null ? -Infinity : neurons.evidence[row]);
      return Int32Array.from(neurons.key.keys()).sort((a, b) => {
        if (rank(a) !== rank(b)) return rank(b) - rank(a);
        const [first, second] = [evidence(a), evidence(b)];
        return first === second ? a - b : second > first ? 1 : -1;
      });
    });
  }

  /* The AUC that counts most: on samples that the search did not see, if there are any. */
  const score = (row) => neurons.heldout_auc[row] ?? neurons.auc[row];

  /* How far it is on the side that the label claims: 1 − AUC for labels about low activation. */
  function strength(row) {
    const number = score(row);
    return number === null ? null : neurons.low_label[row] ? 1 - number : number;
  }

  /* One of the curves that every neuron has, as numbers in [0, 1]. */
  function curve(kind, row, part, parts) {
    const all = once(kind, () => bytes(report.neurons[kind].curves));
    const { points } = report.neurons[kind];
    const start = (row * parts + part) * points;
    return Array.from(all.subarray(start, start + points), (number) => number / 255);
  }

  function heatMap(row, sample) {
    const map = (block("heatmaps")[row] || {})[sample];
    if (!map) return null;
    const raw = bytes(map.values);
    const values = map.signed ? new Int8Array(raw.buffer) : raw;
    return { height: map.size[0], width: map.size[1], signed: Boolean(map.signed), values };
  }

  return {
    report, neurons, size, names, has, literals, uses, order, score, strength, curve, heatMap,
    rowOfKey: (key) => rowOfKey().get(key),
    conceptOfName: (name) => conceptOfName().get(name),
    sample: (index) => block("samples")[index],
    hasHeatMaps: (row) => Boolean(block("heatmaps")[row]),
    heatMapMethod: () => block("heatmaps").method || null,
    concept: (index) => ({
      name: names[index],
      description: report.concepts.description ? report.concepts.description[index] : null,
      nPositive: report.concepts.n_positive ? report.concepts.n_positive[index] : null,
    }),
  };
})();
