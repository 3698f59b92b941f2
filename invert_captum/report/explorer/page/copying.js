"use strict";

/* Copies a link; where the browser does not allow that, shows it selected. */
Explorer.copying = (() => {
  const { html } = Explorer.elements;
  const toast = document.getElementById("toast");
  const SHOWN_FOR = 2500;
  let timer = null;

  function say(...content) {
    toast.replaceChildren(...content);
    toast.classList.add("shown");
    clearTimeout(timer);
  }

  function hide() {
    toast.classList.remove("shown");
    toast.replaceChildren();
  }

  function offer(link) {
    const field = html("input", { type: "text", readonly: true, value: link, id: "link-field", "aria-label": "Link", onblur: hide });
    say("Copy this link: ", field);
    field.focus();
    field.select();
  }

  async function copy(link) {
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      offer(link);
      return;
    }
    say("Link copied");
    timer = setTimeout(hide, SHOWN_FOR);
  }

  return { copy };
})();
