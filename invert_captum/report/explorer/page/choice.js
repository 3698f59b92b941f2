"use strict";

/* Which neurons are shown, in which order. */
Explorer.choice = (() => {
  const { data, numbers } = Explorer;
  const { neurons } = data;
  const collator = new Intl.Collator("en", { numeric: true });
  let texts = null;
  let labels = null;
  let last = { key: null, order: null };

  /* What each heading sorts by, and which way first. */
  const SORTS = {
    neuron: { first: "asc", of: (row) => row },
    formula: { first: "asc", of: (row) => alphabetical()[row] },
    auc: { first: "desc", of: (row) => neurons.auc[row] },
    heldout: { first: "desc", of: (row) => neurons.heldout_auc[row] },
    interval: { first: "desc", of: (row) => neurons.low[row] },
    p: { first: "asc", of: (row) => neurons.p_adjusted[row], then: (row) => neurons.log10_p[row] },
    fraction: { first: "desc", of: (row) => neurons.fraction[row] },
  };

  function alphabetical() {
    if (!labels) {
      const rows = neurons.text.map((_, row) => row).filter((row) => neurons.text[row] !== null);
      rows.sort((a, b) => collator.compare(neurons.text[a], neurons.text[b]));
      labels = neurons.text.map(() => null);
      rows.forEach((row, place) => {
        const before = rows[place - 1];
        labels[row] = place && neurons.text[before] === neurons.text[row] ? labels[before] : place;
      });
    }
    return labels;
  }

  function searchable() {
    if (!texts) {
      texts = neurons.key.map((_, row) => {
        const parts = (neurons.formula[row] || []).filter((token) => typeof token !== "string");
        const concepts = parts.map((token) => data.names[token.c]);
        return [neurons.text[row] || "", ...concepts].join("\n").toLowerCase();
      });
    }
    return texts;
  }

  /* Words, or "several words" in quotes; a minus in front excludes. */
  function words(query) {
    const found = [];
    for (const [, minus, quoted, bare] of query.toLowerCase().matchAll(/(-?)(?:"([^"]+)"?|(\S+))/g)) {
      const word = quoted || bare;
      if (word && word !== "-") found.push({ word, wanted: !minus, digits: /^\d+$/.test(word) });
    }
    return found;
  }

  function matcher(query) {
    const wanted = words(query);
    if (!wanted.length) return null;
    const all = searchable();
    const holds = ({ word, digits }, row) =>
      all[row].includes(word) || (digits && String(neurons.neuron[row]) === word) || neurons.key[row].toLowerCase() === word;
    return (row) => wanted.every((one) => holds(one, row) === one.wanted);
  }

  function tests(state) {
    const found = [];
    const query = matcher(state.q);
    if (query) found.push(query);
    if (state.sig) found.push((row) => neurons.significant[row] === 1);
    const least = Number.parseFloat(state.min);
    if (least > 0) found.push((row) => data.strength(row) !== null && data.strength(row) >= least);
    const layer = data.report.layers.indexOf(state.layer);
    if (state.layer && layer >= 0) found.push((row) => neurons.layer[row] === layer);
    const length = Number.parseInt(state.length, 10);
    if (length > 0) found.push((row) => neurons.length[row] === length && neurons.text[row] !== null);
    const concept = data.conceptOfName(state.concept);
    if (state.concept && concept !== undefined) {
      const { alone, combined, negated } = data.uses()[concept];
      const rows = new Set([...alone, ...combined, ...negated]);
      found.push((row) => rows.has(row));
    }
    return found;
  }

  /* Rows without a number come last, whichever way the others go. */
  function comparison(sort, direction) {
    const way = direction === "desc" ? -1 : 1;
    const by = (of) => (a, b) => {
      const [first, second] = [of(a), of(b)];
      if (first === second) return 0;
      if (numbers.missing(first) || numbers.missing(second)) return numbers.missing(first) ? 1 : -1;
      return first < second ? -way : way;
    };
    const primary = by(sort.of);
    const secondary = sort.then ? by(sort.then) : () => 0;
    return (a, b) => primary(a, b) || secondary(a, b);
  }

  /* What an address asks a table to be sorted by; null for what is no heading of it. */
  function sorting(sorts, key, direction) {
    if (!Object.hasOwn(sorts, key)) return null;
    return { key, direction: ["asc", "desc"].includes(direction) ? direction : sorts[key].first };
  }

  /* The rows to show, in their order. */
  function choose(state) {
    const key = JSON.stringify([...Explorer.route.FILTERS, "sort", "dir"].map((name) => state[name]));
    if (last.key === key) return last.order;
    const conditions = tests(state);
    let order = data.order();
    if (conditions.length) order = order.filter((row) => conditions.every((holds) => holds(row)));
    const sort = sorting(SORTS, state.sort, state.dir);
    if (sort) order = Int32Array.from(order).sort(comparison(SORTS[sort.key], sort.direction));
    last = { key, order };
    return order;
  }

  /* What a click on a heading does: its own way, the other way, the order of evidence. */
  function turned(sorts, key, sort, direction) {
    const { first } = sorts[key];
    const now = sorting(sorts, sort, direction);
    if (!now || now.key !== key) return [key, ""];
    return now.direction === first ? [key, first === "asc" ? "desc" : "asc"] : ["", ""];
  }

  return { SORTS, choose, sorting, turned, comparison };
})();
