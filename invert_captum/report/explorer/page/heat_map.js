"use strict";

/* Heat maps over pictures, text and numbers, and the switch that shows them. */
Explorer.heatMap = (() => {
  const { html } = Explorer.elements;
  const { numbers } = Explorer;
  /* Inferno at equal steps, without its pale end, which would vanish on white pictures. Lightness
     grows evenly, so it reads without colour vision too. */
  const INFERNO = [
    [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10],
  ];
  const SIGNED = { positive: [213, 94, 0], negative: [0, 114, 178], most: 0.6 };
  const UNDERLINED = 0.25;

  function inferno(share) {
    const place = Math.max(0, Math.min(1, share)) * (INFERNO.length - 1);
    const below = Math.min(INFERNO.length - 2, Math.floor(place));
    return INFERNO[below].map((low, channel) => Math.round(low + (place - below) * (INFERNO[below + 1][channel] - low)));
  }

  function paint(canvas, colours) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    colours.forEach(([red, green, blue, alpha = 255], place) => image.data.set([red, green, blue, alpha], 4 * place));
    context.putImageData(image, 0, 0);
  }

  /* A canvas of the size of the map; the style sheet stretches it over the picture, which shows
     through where there is little. */
  function overPicture(map) {
    const canvas = html("canvas", { class: "heat", width: map.width, height: map.height, "aria-hidden": "true" });
    const largest = map.signed ? 127 : 255;
    paint(canvas, Array.from(map.values, (number) => [...inferno(number / largest), Math.round((255 * Math.max(0, number)) / largest)]));
    return canvas;
  }

  /* The background of a word or a number: vermilion for it, blue against it. */
  function shade(element, map, place) {
    const share = map.values[place] / (map.signed ? 127 : 255);
    if (!Number.isFinite(share)) return;
    const colour = share < 0 ? SIGNED.negative : SIGNED.positive;
    element.style.setProperty("--shade", `rgb(${colour.join(" ")} / ${Math.abs(share) * SIGNED.most})`);
    element.classList.add("shaded");
    element.classList.toggle("against", share < -UNDERLINED);
    element.title = `${numbers.signed(Number(share.toFixed(2)))} of the strongest here`;
  }

  function pictureLegend() {
    const scale = html("canvas", { class: "scale", width: 64, height: 1, "aria-hidden": "true" });
    paint(scale, Array.from({ length: 64 }, (_, place) => [...inferno(place / 63), 4 * place]));
    return html("span", { class: "legend" }, "none", scale, "strongest");
  }

  function wordLegend() {
    const swatch = (share, text) => {
      const element = html("span", { class: "swatch" }, text);
      shade(element, { signed: true, values: [share] }, 0);
      element.removeAttribute("title");
      return element;
    };
    return html("span", { class: "legend" }, swatch(127, "raises it"), swatch(-127, "lowers it"));
  }

  /* What the reader chose, kept from neuron to neuron. */
  const chosen = { pictures: true, others: true, opacity: 85 };

  /* A switch and a slider; `box` is the element whose class and --heat they set. */
  function controls(box, pictures, method) {
    const kind = pictures ? "pictures" : "others";
    const apply = () => {
      box.classList.toggle("with-heat", chosen[kind]);
      box.style.setProperty("--heat", chosen.opacity / 100);
    };
    const toggle = html("input", { type: "checkbox", role: "switch", id: "heat-switch" });
    toggle.checked = chosen[kind];
    const slider = html("input", { type: "range", min: 10, max: 100, step: 5, value: chosen.opacity, "aria-label": "Opacity of the heat map" });
    const rest = html("span", { class: "heat-rest" }, pictures ? slider : null, pictures ? pictureLegend() : wordLegend());
    rest.hidden = !chosen[kind];
    toggle.addEventListener("change", () => {
      chosen[kind] = toggle.checked;
      rest.hidden = !toggle.checked;
      apply();
    });
    slider.addEventListener("input", () => {
      chosen.opacity = Number(slider.value);
      apply();
    });
    apply();
    const title = method ? `What its activation comes from, by ${method}` : "What its activation comes from";
    return html("div", { class: "heat-controls" }, html("label", { class: "switch", title }, toggle, html("span", null, "Heat map")), rest);
  }

  return { overPicture, shade, controls };
})();
