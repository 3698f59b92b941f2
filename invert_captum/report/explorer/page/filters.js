"use strict";

/* The bar above the table of neurons: search, filters, and how many are left. */
Explorer.filters = (() => {
  const { html, button, icon, icons } = Explorer.elements;
  const { data, numbers, route, choice } = Explorer;
  const { neurons } = data;
  const TITLES = {
    neuron: "Neuron", formula: "Label", auc: "AUC", heldout: "Held-out AUC", interval: "Interval",
    p: "Adjusted p", fraction: "Samples",
  };

  const labelled = (text, control, kind) => html("label", { class: `filter ${kind || ""}` }, html("span", null, text), control);

  function option(value, text) {
    return html("option", { value }, text);
  }

  function lengths() {
    const found = new Set(neurons.length.filter((length, row) => length > 0 && neurons.text[row] !== null));
    return [...found].sort((a, b) => a - b);
  }

  /* Thousands of names are put into the list when it is first needed. */
  function conceptInput(go) {
    const list = html("datalist", { id: "concept-names" });
    const input = html("input", {
      type: "text", list: "concept-names", placeholder: "any", autocomplete: "off", spellcheck: "false", dir: "auto",
    });
    input.addEventListener("focus", () => {
      if (!list.childElementCount) list.append(...data.names.map((concept) => option(concept)));
    });
    input.addEventListener("input", () => {
      const known = data.conceptOfName(input.value) !== undefined;
      input.setAttribute("aria-invalid", input.value !== "" && !known);
      if (known || !input.value) go({ concept: input.value });
    });
    return [input, list];
  }

  function create({ go, write }) {
    const type = (changes) => go(changes, { replace: true });
    const search = html("input", {
      type: "search", id: "search", "aria-label": "Search labels", autocomplete: "off", spellcheck: "false", dir: "auto",
      placeholder: "dog -cat, or a neuron’s number", title: "Words must all occur; -word must not; a number finds a neuron",
      oninput: () => type({ q: search.value }),
    });
    const significant = html("input", { type: "checkbox", onchange: () => go({ sig: significant.checked ? "1" : "" }) });
    const least = html("input", {
      type: "number", min: 0, max: 1, step: 0.05, placeholder: "0.50", inputmode: "decimal", oninput: () => type({ min: least.value }),
    });
    const [concept, list] = conceptInput(type);
    const length = html("select", { onchange: () => go({ length: length.value }) }, option("", "any"), lengths().map((size) => option(size, size)));
    const layer = html("select", { onchange: () => go({ layer: layer.value }) }, option("", "all"), data.report.layers.map((one) => option(one, one)));
    const sorts = Object.keys(choice.SORTS).filter((key) => data.has[key] !== false);
    const sort = html(
      "select", { onchange: () => go({ sort: sort.value, dir: "" }) },
      option("", "evidence"), sorts.map((key) => option(key, TITLES[key])),
    );
    const way = button("Turn the order around", { class: "icon", onclick: () => write.turn() }, "⇅");
    const reset = button("Clear search and filters", {
      class: "text", onclick: () => go(Object.fromEntries(route.FILTERS.map((key) => [key, ""]))),
    }, "Clear");
    const counter = html("p", { class: "counter", role: "status" });
    const more = html("button", { type: "button", class: "more", "aria-expanded": "false", "aria-controls": "filters" }, "Filters");
    const controls = html(
      "div", { class: "filters", id: "filters" },
      data.has.layers ? labelled("Layer", layer, "wide") : null,
      labelled("Concept", html("span", { class: "field" }, concept, list), "wide"),
      labelled(data.has.heldout ? "Held-out AUC ≥" : "AUC ≥", least),
      labelled("Length", length),
      data.has.significance ? labelled("Significant only", significant, "check") : null,
      html("div", { class: "filter order" }, labelled("Sort by", sort), way),
      reset,
    );
    more.addEventListener("click", () => {
      const open = controls.classList.toggle("open");
      more.setAttribute("aria-expanded", open);
    });
    const element = html(
      "div", { class: "bar" },
      html("div", { class: "search" }, icon(icons.search), search), more, controls, counter,
    );

    function put(control, value) {
      if (control.value !== value) control.value = value;
    }

    function show(state, order) {
      put(search, state.q);
      put(least, state.min);
      if (document.activeElement !== concept || state.concept) put(concept, state.concept);
      put(length, state.length);
      put(layer, state.layer);
      put(sort, state.sort);
      significant.checked = Boolean(state.sig);
      const count = route.FILTERS.filter((key) => state[key] && key !== "q").length;
      more.textContent = count ? `Filters (${count})` : "Filters";
      reset.hidden = !route.FILTERS.some((key) => state[key]);
      counter.textContent = `${numbers.count(order.length)} of ${numbers.count(data.size)} neurons`;
    }

    return { element, search, show };
  }

  return { create };
})();
