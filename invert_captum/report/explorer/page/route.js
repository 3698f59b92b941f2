"use strict";

/* The state of the page, as the fragment of its address: #/neuron/KEY?q=dog&sort=auc */
Explorer.route = (() => {
  const VIEWS = ["neurons", "neuron", "concepts", "concept", "about"];
  const EMPTY = {
    view: "neurons", name: "",
    q: "", sort: "", dir: "", sig: "", min: "", concept: "", layer: "", length: "",
    cq: "", csort: "", cdir: "", theme: "",
  };
  const FILTERS = ["q", "sig", "min", "concept", "layer", "length"];
  const QUERY = Object.keys(EMPTY).filter((key) => key !== "view" && key !== "name");

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      /* A percent sign that somebody typed. */
      return text;
    }
  }

  const encode = (text) => encodeURIComponent(text.toWellFormed ? text.toWellFormed() : text);

  function parse(fragment) {
    const text = fragment.replace(/^#?[/]?/, "");
    const mark = text.indexOf("?");
    const path = mark < 0 ? text : text.slice(0, mark);
    const slash = path.indexOf("/");
    const view = slash < 0 ? path : path.slice(0, slash);
    const state = { ...EMPTY };
    if (VIEWS.includes(view)) {
      state.view = view;
      state.name = slash < 0 ? "" : decode(path.slice(slash + 1));
    }
    const pairs = mark < 0 ? [] : text.slice(mark + 1).split("&");
    for (const pair of pairs) {
      const [key, ...rest] = pair.split("=");
      if (QUERY.includes(key)) state[key] = decode(rest.join("="));
    }
    return state;
  }

  function format(state) {
    const path = state.name ? `${state.view}/${encode(state.name)}` : state.view;
    const pairs = QUERY.filter((key) => state[key]).map((key) => `${key}=${encode(state[key])}`);
    return `#/${path}${pairs.length ? "?" : ""}${pairs.join("&")}`;
  }

  return { EMPTY, FILTERS, parse, format };
})();
