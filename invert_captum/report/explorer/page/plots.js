"use strict";

/* Densities, ROC curves and signed bars. */
Explorer.plots = (() => {
  const { html, svg, name } = Explorer.elements;
  const { data, numbers } = Explorer;
  const { neurons } = data;
  const WIDE = { width: 320, height: 190, left: 8, right: 8, top: 12, bottom: 26 };
  const SQUARE = { width: 232, height: 232, left: 38, right: 10, top: 10, bottom: 38 };

  const path = (points) => points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

  function frame(size, label, ...children) {
    return svg("svg", { viewBox: `0 0 ${size.width} ${size.height}`, class: "plot", role: "img", "aria-label": label }, ...children);
  }

  function text(x, y, anchor, words, kind) {
    return svg("text", { x, y, "text-anchor": anchor, class: kind || "tick" }, words);
  }

  function axisX(size, low, high, ticks) {
    const bottom = size.height - size.bottom;
    const place = (number) => size.left + ((number - low) / (high - low || 1)) * (size.width - size.left - size.right);
    const marks = ticks.flatMap((number) => {
      const x = place(number);
      const anchor = x < size.left + 12 ? "start" : x > size.width - size.right - 12 ? "end" : "middle";
      return [svg("path", { class: "axis", d: `M${x} ${bottom}v4` }), text(x, bottom + 16, anchor, numbers.plain(number))];
    });
    return [svg("path", { class: "axis", d: `M${size.left} ${bottom}H${size.width - size.right}` }), ...marks];
  }

  function hill(kind, values) {
    const { left, right, top, bottom, width, height } = WIDE;
    const x = (place) => left + (place / (values.length - 1)) * (width - left - right);
    const y = (share) => height - bottom - share * (height - top - bottom);
    const line = path(values.map((share, place) => [x(place), y(share)]));
    const closed = `${line}L${x(values.length - 1)} ${y(0)}L${x(0)} ${y(0)}Z`;
    return [svg("path", { class: `area ${kind}`, d: closed }), svg("path", { class: `line ${kind}`, d: line })];
  }

  function shareBar(kind, title, share) {
    const bar = html("span", { class: `bar-fill ${kind}` });
    bar.style.width = `${100 * share}%`;
    return html("div", { class: "share" }, html("span", { class: "share-name" }, title), html("span", { class: "bar-track" }, bar), html("span", { class: "share-number" }, numbers.percent(share)));
  }

  function atom(row) {
    const { density } = neurons;
    if (numbers.missing(density.atom[row])) return null;
    return html(
      "div", { class: "atom" }, html("p", { class: "quiet" }, `Samples at exactly ${numbers.plain(density.atom[row])}, set apart:`),
      shareBar("inside", "inside", density.atom_inside[row]), shareBar("outside", "outside", density.atom_outside[row]),
    );
  }

  /* How activations are spread where the label holds and where it does not; null if not known. */
  function density(row) {
    const known = neurons.density;
    if (!known || numbers.missing(known.low[row]) || neurons.text[row] === null) return null;
    const [low, high] = [known.low[row], known.high[row]];
    const plot = frame(
      WIDE, "Densities of the activation inside and outside the label, each scaled to its own peak",
      hill("outside", data.curve("density", row, 1, 2)), hill("inside", data.curve("density", row, 0, 2)),
      axisX(WIDE, low, high, numbers.ticks(low, high, 4)),
    );
    const key = html("p", { class: "key" }, html("span", { class: "key-mark inside" }, "label holds"), html("span", { class: "key-mark outside" }, "it does not"));
    return html("section", null, html("h3", null, "Activation"), key, plot, atom(row), html("p", { class: "quiet" }, "Each density is scaled to its own peak."));
  }

  /* The ROC curve with its area; null if not known. */
  function roc(row) {
    if (!neurons.roc || neurons.text[row] === null) return null;
    const { left, right, top, bottom, width, height } = SQUARE;
    const x = (share) => left + share * (width - left - right);
    const y = (share) => height - bottom - share * (height - top - bottom);
    const rates = data.curve("roc", row, 0, 1);
    const points = [[x(0), y(0)], ...rates.map((rate, place) => [x(place / (rates.length - 1)), y(rate)])];
    const line = path(points);
    const area = neurons.roc.heldout ? data.score(row) : neurons.auc[row];
    const ticks = [0, 0.5, 1].flatMap((share) => [
      text(x(share), height - bottom + 14, share === 1 ? "end" : "middle", String(share)), text(left - 6, y(share) + 4, "end", String(share)),
    ]);
    const plot = frame(
      SQUARE, `ROC curve, area ${numbers.auc(area)}`,
      svg("path", { class: "axis", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}` }), svg("path", { class: "chance", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` }),
      svg("path", { class: "area inside", d: `${line}L${x(1)} ${y(0)}Z` }), svg("path", { class: "line inside", d: line }), ticks,
      text((x(0) + x(1)) / 2, height - 6, "middle", "false positives", "axis-name"),
      svg("text", { class: "axis-name", "text-anchor": "middle", transform: `translate(12 ${(y(0) + y(1)) / 2}) rotate(-90)` }, "true positives"),
    );
    const where = neurons.roc.heldout ? "held-out samples" : "all samples";
    /* Intervals are of held-out AUCs, so they do not belong to a curve of all samples. */
    const known = neurons.roc.heldout && !numbers.missing(neurons.low[row]);
    const interval = known ? `, ${numbers.level(data.report.level)} interval ${numbers.interval(neurons.low[row], neurons.high[row])}` : "";
    const turned = neurons.low_label[row] ? " The curve is that of low activation, so the area under it is 1 − AUC." : "";
    return html("section", { class: "roc" }, html("h3", null, "ROC curve"), plot, html("p", { class: "quiet" }, `${where}: AUC ${numbers.auc(area)}${interval}.${turned}`));
  }

  /* What switching the neuron off does to the classes, as bars to the left and right of 0. */
  function classEffects(row) {
    const effects = (neurons.classes || {})[row];
    if (!effects || !effects.length) return null;
    const sorted = [...effects].sort((a, b) => a[1] - b[1]);
    const most = Math.max(...sorted.map(([, change]) => Math.abs(change))) || 1;
    const bars = sorted.map(([title, change]) => {
      const bar = html("span", { class: change < 0 ? "bar-fill inside" : "bar-fill outside" });
      const share = (50 * Math.abs(change)) / most;
      bar.style.left = `${change < 0 ? 50 - share : 50}%`;
      bar.style.width = `${share}%`;
      return html("li", { class: "effect" }, name(title, { class: "effect-name", title }), html("span", { class: "bar-track zero" }, bar), html("span", { class: "share-number" }, numbers.signed(change)));
    });
    const note = data.report.class_effect_note || "Mean change of the class’s score on these samples.";
    return html("section", null, html("h3", null, "Switching it off"), html("ul", { class: "effects" }, bars), html("p", { class: "quiet" }, note));
  }

  return { density, roc, classEffects };
})();
