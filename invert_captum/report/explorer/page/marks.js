"use strict";

/* Small things that appear in several places: formulas, links to neurons, bars of intervals. */
Explorer.marks = (() => {
  const { html, name, button, icon, icons } = Explorer.elements;
  const { data, numbers } = Explorer;
  const { neurons } = data;
  const SIGNS = { "&": "and", "|": "or", "~": "not" };

  /* The tokens of a formula; `concept(index, negated)` makes the element of a concept. */
  function formula(row, concept) {
    const tokens = neurons.formula[row];
    if (!tokens) return [html("span", { class: "sign" }, "no label")];
    const literals = data.literals(row);
    let place = 0;
    return tokens.map((token) => {
      if (typeof token !== "string") {
        const [index, negated] = literals[place];
        place += 1;
        return concept(index, negated);
      }
      const sign = SIGNS[token.trim()];
      return html("span", { class: "sign", title: sign }, token);
    });
  }

  const words = (row) => formula(row, (index, negated) => name(data.names[index], { class: negated ? "word negated" : "word" }));

  /* A formula of which every concept opens its page and filters the table. */
  function chips(row, link, filter) {
    return formula(row, (index, negated) => {
      const text = data.names[index];
      return html(
        "span",
        { class: negated ? "chip negated" : "chip" },
        html("a", { href: link({ view: "concept", name: text }), title: "What else encodes this concept" }, name(text)),
        button(`Show only neurons with ${text}`, { class: "chip-filter", onclick: () => filter(text) }, icon(icons.filter)),
      );
    });
  }

  function neuronName(row) {
    const number = html("span", null, String(neurons.neuron[row]));
    return data.has.layers ? [number, " · ", name(data.report.layers[neurons.layer[row]], { class: "quiet" })] : [number];
  }

  /* Where bars of intervals begin: a little below ½, unless labels are about low activation. */
  const start = neurons.low_label.includes(1) ? 0 : 0.4;

  function intervalBar() {
    const span = html("span", { class: "range-span" });
    const dot = html("span", { class: "range-dot" });
    const middle = html("span", { class: "range-middle" });
    const track = html("span", { class: "range", "aria-hidden": "true" }, middle, span, dot);
    const written = document.createTextNode("");
    const text = html("span", { class: "range-text" }, written);
    const place = (number) => `${(100 * Math.max(0, number - start)) / (1 - start)}%`;
    middle.style.left = place(0.5);
    function fill(row) {
      const [low, high] = [neurons.low[row], neurons.high[row]];
      const known = !numbers.missing(low) && !numbers.missing(high);
      written.data = numbers.interval(low, high);
      track.classList.toggle("unknown", !known);
      if (!known) return;
      const [from, to] = [Math.max(low, start), Math.max(high, start)];
      span.style.left = place(from);
      span.style.width = `${(100 * (to - from)) / (1 - start)}%`;
      dot.style.left = place(data.score(row));
    }
    return { track, text, fill };
  }

  return { words, chips, neuronName, intervalBar };
})();
