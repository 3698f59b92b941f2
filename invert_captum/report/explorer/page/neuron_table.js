"use strict";

/* The table of neurons: what its columns hold. */
Explorer.neuronTable = (() => {
  const { html } = Explorer.elements;
  const { data, numbers, marks, choice } = Explorer;
  const { neurons } = data;

  const textCell = (text) => () => {
    const node = document.createTextNode("");
    return { element: html("div", null, node), fill: (row) => (node.data = text(row)) };
  };

  function neuronCell(link) {
    const anchor = html("a", { tabindex: -1 });
    const element = html("div", null, anchor);
    function fill(row) {
      anchor.replaceChildren(...marks.neuronName(row));
      anchor.title = neurons.key[row];
      anchor.href = link({ view: "neuron", name: neurons.key[row] });
    }
    return { element, fill };
  }

  function formulaCell() {
    const element = html("div", { dir: "auto" });
    function fill(row) {
      element.replaceChildren(...marks.words(row));
      element.title = neurons.text[row] || "This neuron was set aside";
      element.classList.toggle("doubtful", neurons.significant[row] === 0);
      if (neurons.low_label[row]) element.prepend(html("span", { class: "low-mark", title: "about low activation" }, "low: "));
    }
    return { element, fill };
  }

  function intervalCell() {
    const bar = marks.intervalBar();
    return { element: html("div", null, bar.track, bar.text), fill: bar.fill };
  }

  function pCell() {
    const element = html("div");
    function fill(row) {
      const doubtful = neurons.significant[row] === 0;
      element.textContent = numbers.p(neurons.p_adjusted[row]);
      element.classList.toggle("doubtful", doubtful);
      element.title = doubtful ? "not significant" : "";
    }
    return { element, fill };
  }

  function shareCell() {
    const share = document.createTextNode("");
    const count = document.createTextNode("");
    function fill(row) {
      share.data = numbers.percent(neurons.fraction[row]);
      count.data = numbers.count(neurons.n_positive[row]);
    }
    return { element: html("div", null, html("span", null, share), html("span", { class: "quiet" }, count)), fill };
  }

  function columns(link) {
    const known = { heldout: data.has.heldout, interval: data.has.interval, p: data.has.p };
    return [
      { key: "neuron", title: "Neuron", width: data.has.layers ? "minmax(6.5rem, 0.5fr)" : "4.6rem", make: () => neuronCell(link) },
      { key: "formula", title: "Label", width: "minmax(8rem, 2.4fr)", make: formulaCell },
      { key: "auc", title: "AUC", width: "4.4rem", wideOnly: data.has.heldout && data.has.layers, hint: "on the samples that the search saw", make: textCell((row) => numbers.auc(neurons.auc[row])) },
      { key: "heldout", title: "Held out", width: "5.4rem", hint: "AUC on samples that the search did not see", make: textCell((row) => numbers.auc(neurons.heldout_auc[row])) },
      { key: "interval", title: "Interval", width: "minmax(var(--range-width), 1fr)", hint: `${numbers.level(data.report.level)} interval of the held-out AUC`, make: intervalCell },
      { key: "p", title: "Adjusted p", width: "6.2rem", hint: "corrected over all neurons", make: pCell },
      { key: "fraction", title: "Samples", width: "var(--share-width)", hint: "of which samples the label holds", make: shareCell },
    ].filter(({ key }) => known[key] !== false);
  }

  /* link(changes): the address of the page so changed; go(changes): go there. */
  function create({ link, go, onSort }) {
    return new Explorer.VirtualTable({
      label: "Neurons",
      columns: columns(link),
      sorts: choice.SORTS,
      onOpen: (row) => go({ view: "neuron", name: neurons.key[row] }, { focus: true }),
      onSort,
      emptyText: "No neuron fits. Fewer words or filters find more.",
    });
  }

  return { create };
})();
