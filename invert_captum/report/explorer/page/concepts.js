"use strict";

/* The view of concepts: a table of them all, and the page of one. */
Explorer.concepts = (() => {
  const { html, name, button, icon, icons } = Explorer.elements;
  const { data, numbers, choice } = Explorer;
  const collator = new Intl.Collator("en", { numeric: true });
  const count = (kind) => (index) => data.uses()[index][kind].length;
  const all = (index) => count("alone")(index) + count("combined")(index) + count("negated")(index);
  let places = null;
  let last = { key: null, order: null };

  function alphabetical(index) {
    if (!places) {
      places = [];
      [...data.names.keys()].sort((a, b) => collator.compare(data.names[a], data.names[b])).forEach((one, place) => (places[one] = place));
    }
    return places[index];
  }

  const SORTS = {
    concept: { first: "asc", of: alphabetical },
    alone: { first: "desc", of: count("alone"), then: alphabetical },
    combined: { first: "desc", of: count("combined"), then: alphabetical },
    negated: { first: "desc", of: count("negated"), then: alphabetical },
    positives: { first: "desc", of: (index) => data.concept(index).nPositive },
  };

  function choose(state) {
    const key = JSON.stringify([state.cq, state.csort, state.cdir]);
    if (last.key === key) return last.order;
    const words = state.cq.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (index) => {
      const text = `${data.names[index]}\n${data.concept(index).description || ""}`.toLowerCase();
      return words.every((word) => (word.startsWith("-") && word.length > 1 ? !text.includes(word.slice(1)) : text.includes(word)));
    };
    const order = [...data.names.keys()].filter(fits);
    const sort = choice.sorting(SORTS, state.csort, state.cdir);
    if (sort) order.sort(choice.comparison(SORTS[sort.key], sort.direction));
    else order.sort((a, b) => all(b) - all(a) || alphabetical(a) - alphabetical(b));
    last = { key, order };
    return order;
  }

  function nameCell(link) {
    const anchor = html("a", { tabindex: -1 });
    const fill = (index) => {
      anchor.replaceChildren(name(data.names[index]));
      anchor.href = link({ view: "concept", name: data.names[index] });
      anchor.title = data.concept(index).description || data.names[index];
    };
    return { element: html("div", { dir: "auto" }, anchor), fill };
  }

  function numberCell(number, title) {
    const bare = html("span");
    const element = html("div", { "data-title": title }, bare);
    const fill = (index) => {
      const found = number(index);
      bare.textContent = numbers.count(found);
      element.classList.toggle("nothing", !found);
    };
    return { element, fill };
  }

  function table({ link, go, onSort }) {
    const column = (key, title, hint, number) => ({ key, title, hint, width: "minmax(5.2rem, 0.6fr)", make: () => numberCell(number, title.toLowerCase()) });
    const columns = [
      { key: "concept", title: "Concept", width: "minmax(8rem, 2fr)", make: () => nameCell(link) },
      column("alone", "Alone", "neurons whose label is the concept alone", count("alone")),
      column("combined", "Combined", "neurons whose label combines it with others", count("combined")),
      column("negated", "Negated", "neurons whose label negates it", count("negated")),
    ];
    if (data.report.concepts.n_positive) columns.push(column("positives", "Samples", "samples that have it", (index) => data.concept(index).nPositive));
    return new Explorer.VirtualTable({
      label: "Concepts", columns, sorts: SORTS, onSort, emptyText: "No concept fits.",
      onOpen: (index) => go({ view: "concept", name: data.names[index] }, { focus: true }),
    });
  }

  function create(actions) {
    const grid = table(actions);
    const search = html("input", {
      type: "search", id: "concept-search", placeholder: "Search concepts", "aria-label": "Search concepts", dir: "auto",
      autocomplete: "off", spellcheck: "false", oninput: () => actions.go({ cq: search.value }, { replace: true }),
    });
    const counter = html("p", { class: "counter", role: "status" });
    const bar = html("div", { class: "bar" }, html("div", { class: "search" }, icon(icons.search), search), counter);
    function show(state) {
      const order = choose(state);
      if (search.value !== state.cq) search.value = state.cq;
      counter.textContent = `${numbers.count(order.length)} of ${numbers.count(data.names.length)} concepts`;
      grid.show(order, choice.sorting(SORTS, state.csort, state.cdir), state.view === "concept" ? data.conceptOfName(state.name) ?? null : null);
    }
    return { elements: [bar, grid.element], grid, search, show };
  }

  function group(title, hint, rows, link) {
    if (!rows.length) return null;
    return html("section", null, html("h3", null, `${title} `, html("span", { class: "tally" }, numbers.count(rows.length))), html("p", { class: "quiet" }, hint), Explorer.neuronList(rows, link));
  }

  /* The page of one concept; `index` is undefined if the link names none of this page. */
  function content(index, { link, filter, copy, asked }) {
    const close = html("a", { class: "icon back", href: link({ view: "concepts", name: "" }), "aria-label": "Back to the concepts", title: "Back to the concepts (Esc)" }, icon(icons.close));
    if (index === undefined) {
      return [html("div", { class: "panel-bar" }, close), html("h2", { tabindex: -1 }, "No such concept"), html("p", null, "This page has no concept of that name: "), html("p", null, name(asked))];
    }
    const concept = data.concept(index);
    const use = data.uses()[index];
    const total = all(index);
    return [
      html(
        "div", { class: "panel-bar" }, close, html("span", { class: "where" }),
        button("Copy a link to this concept (c)", { class: "text", id: "copy", onclick: copy }, icon(icons.link), " Copy link"),
      ),
      html("p", { class: "kicker" }, "Concept"),
      html("h2", { tabindex: -1, dir: "auto", class: "label" }, name(concept.name)),
      concept.description ? html("p", { dir: "auto" }, concept.description) : null,
      numbers.missing(concept.nPositive) ? null : html("p", { class: "quiet" }, `${numbers.count(concept.nPositive)} of ${numbers.count(data.report.n_samples)} samples have it.`),
      total ? button(`Show only neurons with ${concept.name}`, { class: "wide-button", onclick: () => filter(concept.name) }, icon(icons.filter), ` Show these ${numbers.count(total)} in the table`) : html("p", null, "No label uses this concept."),
      group("Encode it", "The label is this concept alone.", use.alone, link),
      group("Combine it", "The label joins it with other concepts.", use.combined, link),
      group("Negate it", "The label has it with a ~, as absent.", use.negated, link),
    ];
  }

  return { SORTS, create, content };
})();
