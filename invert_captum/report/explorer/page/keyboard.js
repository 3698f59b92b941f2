"use strict";

/* Keys that work everywhere on the page. */
Explorer.keyboard = (() => {
  const typing = (target) => target.matches("input:not([type=checkbox], [type=radio], [type=range]), select, textarea");

  /* actions: { search, step, copy, close, leave, help, view }; leave(field) is Escape in a field. */
  function listen(actions) {
    const keys = {
      "/": () => actions.search(),
      "?": () => actions.help(),
      j: () => actions.step(1),
      k: () => actions.step(-1),
      c: () => actions.copy(),
      1: () => actions.view("neurons"),
      2: () => actions.view("concepts"),
      3: () => actions.view("about"),
    };
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return;
      if (event.key === "Escape") {
        if (typing(event.target)) actions.leave(event.target);
        else actions.close();
        event.preventDefault();
        return;
      }
      if (typing(event.target) || !Object.hasOwn(keys, event.key)) return;
      keys[event.key]();
      event.preventDefault();
    });
  }

  return { listen };
})();
