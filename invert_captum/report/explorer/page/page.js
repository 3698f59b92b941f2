"use strict";

/* Joins the parts: one state, kept in the fragment of the address, drawn anew when it changes. */
(() => {
  const { html } = Explorer.elements;
  const { data, route, choice, copying } = Explorer;
  const { neurons, report } = data;
  const at = (id) => document.getElementById(id);
  const panel = at("panel");
  const narrow = window.matchMedia("(max-width: 1099px)");
  const WRITE_AFTER = 200;
  const VIEWS = [["neurons", "Neurons"], ["concepts", "Concepts"], ["about", "About"]];
  const KIND = { neuron: "neurons", concept: "concepts" };

  let state = route.parse(window.location.hash);
  let waiting = null;
  let drawn = null;

  const viewOf = (one) => KIND[one.view] || one.view;
  const link = (changes) => route.format({ ...state, ...changes });

  /* Browsers refuse addresses that change many times a second, as while typing: those wait. */
  function flush() {
    clearTimeout(waiting);
    waiting = null;
    const address = route.format(state);
    if (window.location.hash !== address) window.history.replaceState(null, "", address);
  }

  function go(changes, { replace = false, focus = false } = {}) {
    if (waiting !== null) flush();
    state = { ...state, ...changes };
    if (replace) waiting = setTimeout(flush, WRITE_AFTER);
    else if (route.format(state) !== window.location.hash) window.history.pushState(null, "", route.format(state));
    const inside = panel.contains(document.activeElement);
    draw();
    /* Drawing makes the panel's buttons anew, and so takes the focus from the one that was used. */
    if (focus || (inside && !panel.hidden && !panel.contains(document.activeElement))) focusPanel();
  }

  function focusPanel() {
    const heading = panel.querySelector("h2");
    if (heading) heading.focus({ preventScroll: true });
  }

  /* The headings' three turns: its own way, the other way, back to the order of evidence. */
  function onSort(key) {
    const [sort, dir] = choice.turned(choice.SORTS, key, state.sort, state.dir);
    go({ sort, dir });
  }

  function onConceptSort(key) {
    const [csort, cdir] = choice.turned(Explorer.concepts.SORTS, key, state.csort, state.cdir);
    go({ csort, cdir });
  }

  function turn() {
    const sort = choice.sorting(choice.SORTS, state.sort, state.dir);
    if (sort) go({ dir: sort.direction === "asc" ? "desc" : "asc" });
  }

  const filter = (concept) => go({ concept, ...(state.view === "concept" || narrow.matches ? { view: "neurons", name: "" } : {}) });

  function step(by) {
    const order = choice.choose(state);
    if (state.view !== "neuron" || !order.length) return;
    const here = order.indexOf(data.rowOfKey(state.name));
    const place = here < 0 ? 0 : here + by;
    if (place < 0 || place >= order.length) return;
    const focused = panel.contains(document.activeElement) ? document.activeElement.id : null;
    go({ name: neurons.key[order[place]] }, { replace: true });
    const again = focused && at(focused);
    if (again && !again.disabled) again.focus();
    else if (focused !== null) focusPanel();
  }

  function copy() {
    if (waiting !== null) flush();
    const [page] = window.location.href.split("#");
    copying.copy(page + link({ theme: "" }));
  }

  function close() {
    if (state.view !== "neuron" && state.view !== "concept") return;
    go({ view: viewOf(state), name: "" });
    (state.view === "neurons" ? table : concepts.grid).element.focus({ preventScroll: true });
  }

  /* Escape in a field: empty a search, else leave the field. */
  function leave(field) {
    if (field.type === "search" && field.value) go(field.id === "search" ? { q: "" } : { cq: "" });
    else field.blur();
  }

  const filters = Explorer.filters.create({ go, write: { turn } });
  const table = Explorer.neuronTable.create({ link, go, onSort });
  const concepts = Explorer.concepts.create({ link, go, onSort: onConceptSort });
  const showTheme = Explorer.theme.create(at("theme"), (theme) => go({ theme }, { replace: true }));

  function drawTabs() {
    at("tabs").replaceChildren(...VIEWS.map(([view, title]) => {
      const here = viewOf(state) === view;
      return html("a", { href: link({ view, name: "" }), "aria-current": here ? "page" : null }, title);
    }));
    at("skip").href = link({});
  }

  function drawNeurons() {
    const order = choice.choose(state);
    filters.show(state, order);
    table.show(order, choice.sorting(choice.SORTS, state.sort, state.dir), state.view === "neuron" ? data.rowOfKey(state.name) ?? null : null);
    return order;
  }

  function drawPanel(order) {
    const open = state.view in KIND;
    panel.hidden = !open;
    at("views").classList.toggle("open", open);
    for (const id of ["neurons", "concepts"]) at(id).inert = open && narrow.matches;
    if (!open) {
      panel.replaceChildren();
      return;
    }
    const top = drawn && drawn.view === state.view && drawn.name === state.name ? panel.scrollTop : 0;
    const actions = { link, filter, step, copy, asked: state.name };
    const content = state.view === "neuron"
      ? Explorer.neuronPanel.content(data.rowOfKey(state.name), order, actions)
      : Explorer.concepts.content(data.conceptOfName(state.name), actions);
    panel.replaceChildren(...content.filter((part) => part));
    panel.scrollTop = top;
  }

  function draw() {
    const view = viewOf(state);
    for (const [id] of VIEWS) at(id).hidden = id !== view;
    showTheme(state);
    drawTabs();
    const order = view === "neurons" ? drawNeurons() : [];
    if (view === "concepts") concepts.show(state);
    drawPanel(order);
    document.title = state.name ? `${state.name} – ${report.title}` : report.title;
    drawn = state;
  }

  /* Somebody went back, or followed a link. */
  function arrived() {
    if (window.location.hash === route.format(state)) return;
    clearTimeout(waiting);
    waiting = null;
    const before = state;
    state = { ...route.parse(window.location.hash) };
    draw();
    if (state.view in KIND && (state.name !== before.name || state.view !== before.view)) focusPanel();
  }

  function help() {
    const done = html("button", { type: "button", class: "text", onclick: () => at("keys").close() }, "Close");
    at("keys").replaceChildren(html("h2", null, "Keyboard shortcuts"), Explorer.about.keyTable(), done);
    at("keys").showModal();
  }

  function begin() {
    at("facts").append(...report.facts.map(([title, value]) => html("span", { class: "fact-pair" }, html("span", { class: "quiet" }, title), ` ${value}`)));
    at("neurons").append(filters.element, table.element);
    at("concepts").append(...concepts.elements);
    at("about").append(Explorer.about.content());
    at("show-keys").addEventListener("click", help);
    at("skip").addEventListener("click", (event) => {
      event.preventDefault();
      (viewOf(state) === "concepts" ? concepts.grid : table).element.focus();
    });
    window.addEventListener("popstate", arrived);
    window.addEventListener("hashchange", arrived);
    narrow.addEventListener("change", draw);
    Explorer.keyboard.listen({
      search: () => {
        if (viewOf(state) === "about") go({ view: "neurons", name: "" });
        if (narrow.matches && state.name) close();
        (viewOf(state) === "concepts" ? concepts.search : filters.search).select();
      },
      step, copy, close, leave, help, view: (view) => go({ view, name: "" }),
    });
    draw();
    document.documentElement.dataset.ready = "true";
    window.performance.mark("usable");
  }

  begin();
})();
