"use strict";

/* The page's one global name, and how its elements are made: strings get in as text only. */
window.Explorer = {};

Explorer.elements = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  function furnish(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  }

  /* An HTML element; attributes whose names begin with "on" are listeners. */
  function html(tag, attributes, ...children) {
    return furnish(document.createElement(tag), attributes, children);
  }

  function svg(tag, attributes, ...children) {
    return furnish(document.createElementNS(SVG, tag), attributes, children);
  }

  /* Text that another script's direction must not disturb. */
  function name(text, attributes) {
    return html("bdi", { dir: "auto", ...attributes }, text);
  }

  function button(label, attributes, ...children) {
    return html("button", { type: "button", "aria-label": label, title: label, ...attributes }, ...children);
  }

  /* A line drawing of 16 by 16. */
  function icon(path) {
    return svg("svg", { viewBox: "0 0 16 16", class: "glyph", "aria-hidden": "true" }, svg("path", { d: path }));
  }

  const icons = {
    back: "M10 3 5 8l5 5",
    next: "M6 3l5 5-5 5",
    close: "M4 4l8 8M12 4l-8 8",
    link: "M6.5 9.5l3-3M7 4.5l1.2-1.2a3.2 3.2 0 0 1 4.5 4.5L11.5 9M9 11.5l-1.2 1.2a3.2 3.2 0 0 1-4.5-4.5L4.5 7",
    filter: "M2.5 3.5h11L9.5 8.5v4l-3-1.5v-2.5z",
    search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5l3 3",
  };

  return { html, svg, name, button, icon, icons };
})();
