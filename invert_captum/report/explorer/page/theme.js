"use strict";

/* Light, dark, or as the system has it. */
Explorer.theme = (() => {
  const { html, svg, icon } = Explorer.elements;
  const CHOICES = [
    ["", "As the system", "M8 2a6 6 0 1 0 0 12 6 6 0 0 0 0-12z"],
    ["light", "Light", "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM8 1v1.5M8 13.5v1.5M1 8h1.5M13.5 8h1.5M3 3l1.1 1.1M11.9 11.9l1.1 1.1M3 13l1.1-1.1M11.9 4.1l1.1-1.1"],
    ["dark", "Dark", "M13.5 9.6a6 6 0 0 1-7.1-7.1 6 6 0 1 0 7.1 7.1z"],
  ];

  function create(place, choose) {
    const radios = CHOICES.map(([value, title, path]) => {
      const radio = html("input", {
        type: "radio", name: "theme", value, id: `theme-${value || "auto"}`, "aria-label": title, onchange: () => choose(value),
      });
      const glyph = icon(path);
      if (!value) glyph.append(svg("path", { d: "M8 2a6 6 0 1 0 0 12z", fill: "currentColor" }));
      place.append(html("label", { title: `Theme: ${title.toLowerCase()}` }, radio, html("span", null, glyph)));
      return radio;
    });
    return (state) => {
      const wanted = CHOICES.some(([value]) => value === state.theme) ? state.theme : "";
      if (wanted) document.documentElement.dataset.theme = wanted;
      else delete document.documentElement.dataset.theme;
      for (const radio of radios) radio.checked = radio.value === wanted;
    };
  }

  return { create };
})();
