"use strict";

/* What the page is about, how to read it, and its keys. */
Explorer.about = (() => {
  const { html } = Explorer.elements;
  const { data } = Explorer;

  const KEYS = [
    ["/", "search"],
    ["↑ ↓ PgUp PgDn Home End", "move in the table"],
    ["Enter", "open the neuron or concept"],
    ["j  k", "next, previous neuron in the order of the table"],
    ["c", "copy a link to what is shown"],
    ["1  2  3", "neurons, concepts, about"],
    ["Esc", "clear the search, close, go back to the table"],
    ["?", "these keys"],
  ];

  const READING = [
    ["Label", "A formula of concepts: & is and, | is or, ~ is not. Of all that were searched, it separates high activations from low ones best."],
    ["AUC", "The chance that a sample for which the label holds excites the neuron more than one for which it does not. 0.5 is chance, 1 a perfect fit. Labels about low activation are below 0.5."],
    ["Held-out AUC", "The same on samples that the search did not see. It is the honest number: the AUC of a search over many formulas is too good."],
    ["Interval", "Where the held-out AUC lies with the confidence that its heading states, given how few samples there are. The dot is the AUC, the line marks 0.5."],
    ["Adjusted p", "How likely so good a label would be for a neuron that has nothing to do with it, corrected for the number of neurons. Labels that are not significant are pale."],
    ["Samples", "For how many samples the label holds, and which share of all they are."],
    ["Heat map", "What in a sample the activation comes from, by the method in the notes, scaled to the strongest place of that sample. Maps of different samples are not on one scale."],
  ];

  function keyTable() {
    return html("table", { class: "key-table" }, html("tbody", null, KEYS.map(([keys, text]) => html("tr", null, html("th", { scope: "row" }, keys.split(" ").filter(Boolean).map((key) => html("kbd", null, key))), html("td", null, text)))));
  }

  const terms = (pairs, kind) => html("dl", { class: kind }, pairs.map(([term, text]) => html("div", null, html("dt", null, term), html("dd", { dir: "auto" }, text))));

  const section = (title, body) => html("section", null, html("h2", null, title), body);

  function content() {
    const { report } = data;
    const left = report.pictures_left_out;
    const notes = [...(report.notes || [])];
    if (left) notes.push(`Samples not embedded, to keep the file small: ${left.toLocaleString("en")}. Their names stand in their place.`);
    return html(
      "div", { class: "about-columns" },
      html(
        "div", null,
        section("This report", terms(report.facts, "terms facts-list")),
        notes.length ? section("Notes", html("ul", { class: "plain-list" }, notes.map((note) => html("li", { dir: "auto" }, note)))) : null,
        report.credit ? section("Credit", html("p", { dir: "auto", class: "quiet" }, report.credit)) : null,
      ),
      html("div", null, section("How to read it", terms(READING, "terms")), section("Keys", keyTable())),
    );
  }

  return { content, keyTable };
})();
