"use strict";

/* The page of one neuron. */
Explorer.neuronPanel = (() => {
  const { html, name, button, icon, icons } = Explorer.elements;
  const { data, numbers, marks, samples, plots } = Explorer;
  const { neurons } = data;
  const SIMILAR = 8;
  const TESTED = {
    holdout: "Tested on samples that the search did not see.",
    folds: "Tested on folds that the search did not see.",
    permutation: "Tested against searches on permuted samples.",
    in_sample: "Tested on the samples that chose the label: no valid evidence.",
  };

  function significant() {
    const text = `Significant at ${data.report.alpha} after correction`;
    return data.report.tested === "in_sample" ? ["warn", `${text}, but tested on the samples that chose it`] : ["good", text];
  }

  function notes(row) {
    const found = [];
    if (neurons.text[row] === null) found.push(["warn", "Set aside: constant, or not finite, so it has no label."]);
    if (neurons.significant[row] === 0) found.push(["warn", "Not significant after correction: do not trust this label."]);
    if (neurons.significant[row] === 1) found.push(significant());
    if (neurons.low_label[row]) found.push(["low", "The label is about low activation: the neuron is quiet where it holds."]);
    return html("ul", { class: "notes" }, found.map(([kind, text]) => html("li", { class: kind }, text)));
  }

  function fact(title, value, more) {
    return html("div", { class: "fact" }, html("dt", null, title), html("dd", null, value), more ? html("dd", { class: "quiet" }, more) : null);
  }

  function scores(row) {
    const { has, report } = data;
    const bar = marks.intervalBar();
    bar.fill(row);
    const heldout = neurons.heldout_auc[row];
    const exact = neurons.log10_p[row];
    return html(
      "dl", { class: "scores" },
      has.heldout ? fact("Held-out AUC", numbers.auc(heldout), "on samples not searched") : null,
      fact("AUC", numbers.auc(neurons.auc[row]), has.heldout ? "on the samples searched" : null),
      has.interval ? fact(`${numbers.level(report.level)} interval`, bar.text.textContent, bar.track) : null,
      has.p ? fact("Adjusted p", numbers.p(neurons.p_adjusted[row]), `p ${numbers.pOfLog(exact)} before correction`) : null,
      fact("Samples", numbers.count(neurons.n_positive[row]), `${numbers.percent(neurons.fraction[row])} of ${numbers.count(report.n_samples)}`),
      fact("Length", String(neurons.length[row] || "–"), neurons.length[row] === 1 ? "concept" : "concepts"),
    );
  }

  function runnersUp(row) {
    const others = neurons.runners_up[row] || [];
    if (!others.length) return null;
    const heldout = others.some((one) => !numbers.missing(one.heldout_auc));
    const head = ["Label", "AUC", ...(heldout ? ["Held out"] : []), "Samples"].map((title) => html("th", { scope: "col" }, title));
    const rows = others.map((one) => html(
      "tr", null, html("td", null, name(one.text)), html("td", null, numbers.auc(one.auc)),
      heldout ? html("td", null, numbers.auc(one.heldout_auc)) : null, html("td", null, numbers.count(one.n_positive)),
    ));
    return html("section", null, html("h3", null, "Runner-up labels"), html("table", { class: "runners" }, html("thead", null, html("tr", null, head)), html("tbody", null, rows)));
  }

  /* Neurons of the same label first, then those that share a concept that is not negated. */
  function similarRows(row) {
    const wanted = data.literals(row).filter(([, negated]) => !negated).map(([concept]) => concept);
    const counts = new Map();
    for (const concept of wanted) {
      const { alone, combined } = data.uses()[concept];
      for (const other of [...alone, ...combined]) counts.set(other, (counts.get(other) || 0) + 1);
    }
    counts.delete(row);
    const same = (other) => (neurons.text[other] === neurons.text[row] ? 1 : 0);
    return [...counts.keys()].sort((a, b) => same(b) - same(a) || counts.get(b) - counts.get(a));
  }

  function similar(row, link) {
    const rows = similarRows(row);
    if (!rows.length) return null;
    const more = rows.length - SIMILAR;
    const first = data.literals(row).find(([, negated]) => !negated)[0];
    return html(
      "section", null, html("h3", null, "Neurons with the same label or concepts"),
      Explorer.neuronList(rows.slice(0, SIMILAR), link),
      more > 0 ? html("p", { class: "quiet" }, `and ${numbers.count(more)} more: see `, html("a", { href: link({ view: "concept", name: data.names[first] }) }, name(data.names[first]))) : null,
    );
  }

  function bar(row, order, { link, step, copy }) {
    const place = order.indexOf(row);
    const where = place < 0 ? "not in this selection" : `${numbers.count(place + 1)} of ${numbers.count(order.length)}`;
    return html(
      "div", { class: "panel-bar" },
      html("a", { class: "icon back", href: link({ view: "neurons", name: "" }), "aria-label": "Back to the table", title: "Back to the table (Esc)" }, icon(icons.close)),
      button("Previous neuron (k)", { class: "icon", id: "previous", disabled: place === 0, onclick: () => step(-1) }, icon(icons.back)),
      button("Next neuron (j)", { class: "icon", id: "next", disabled: place === order.length - 1 && place >= 0, onclick: () => step(1) }, icon(icons.next)),
      html("span", { class: "where" }, where),
      button("Copy a link to this neuron (c)", { class: "text", id: "copy", onclick: copy }, icon(icons.link), " Copy link"),
    );
  }

  /* Everything about a neuron; `row` is undefined if the link names none of this page. */
  function content(row, order, actions) {
    const { link, filter } = actions;
    if (row === undefined) {
      const close = html("a", { class: "icon back", href: link({ view: "neurons", name: "" }), "aria-label": "Back to the table" }, icon(icons.close));
      return [html("div", { class: "panel-bar" }, close), html("h2", { tabindex: -1 }, "No such neuron"), html("p", null, "This page has no neuron of that name: "), html("p", null, name(actions.asked))];
    }
    const tested = TESTED[data.report.tested];
    const charts = [plots.density(row), plots.roc(row)].filter(Boolean);
    return [
      bar(row, order, actions),
      html("p", { class: "kicker" }, `Neuron ${neurons.neuron[row]}`, data.has.layers ? [" · ", name(data.report.layers[neurons.layer[row]])] : null),
      html("h2", { tabindex: -1, dir: "auto", class: "label" }, marks.chips(row, link, filter)),
      notes(row), scores(row), tested && data.has.p ? html("p", { class: "quiet" }, tested) : null,
      samples.section(row), charts.length ? html("div", { class: "charts" }, charts) : null,
      plots.classEffects(row), runnersUp(row), similar(row, link),
    ];
  }

  return { content };
})();
