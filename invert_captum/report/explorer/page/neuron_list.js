"use strict";

/* A short list of neurons, as links; a long one grows on demand. */
Explorer.neuronList = (() => {
  const { html } = Explorer.elements;
  const { data, numbers, marks } = Explorer;
  const { neurons } = data;
  const PAGE = 40;

  function entry(row, link) {
    return html(
      "li", { class: neurons.significant[row] === 0 ? "doubtful" : null },
      html(
        "a", { href: link({ view: "neuron", name: neurons.key[row] }) },
        html("span", { class: "entry-neuron" }, marks.neuronName(row)), html("span", { class: "entry-label", dir: "auto" }, marks.words(row)),
        html("span", { class: "entry-score" }, numbers.auc(data.score(row))),
      ),
    );
  }

  return function neuronList(rows, link) {
    const list = html("ul", { class: "entries" }, rows.slice(0, PAGE).map((row) => entry(row, link)));
    if (rows.length <= PAGE) return list;
    let shown = PAGE;
    const more = html("button", { type: "button", class: "text" });
    const count = () => (more.textContent = `Show more (${numbers.count(rows.length - shown)} left)`);
    more.addEventListener("click", () => {
      list.append(...rows.slice(shown, shown + PAGE).map((row) => entry(row, link)));
      shown = Math.min(rows.length, shown + PAGE);
      count();
      more.hidden = shown >= rows.length;
    });
    count();
    return html("div", null, list, more);
  };
})();
