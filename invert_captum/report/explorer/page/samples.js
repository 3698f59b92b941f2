"use strict";

/* The samples that excite a neuron: pictures, text, tokens or numbers, with their heat maps. */
Explorer.samples = (() => {
  const { html, name } = Explorer.elements;
  const { data, numbers, heatMap } = Explorer;
  const { neurons } = data;
  const HOLDS = "label holds";
  const FAILS = "label does not hold";

  function mark(member) {
    if (member === null) return null;
    const text = member ? HOLDS : FAILS;
    return html("span", { class: member ? "mark holds" : "mark", title: text, role: "img", "aria-label": text }, member ? "✓" : "–");
  }

  function kindOf(shown) {
    if (!shown) return "missing";
    return ["image", "tokens", "text", "numbers"].find((kind) => shown[kind] !== undefined) || "missing";
  }

  function picture(one) {
    const frame = html("div", { class: "frame" });
    if (one.kind === "image" && one.shown.image.startsWith("data:image/")) {
      const alt = `${one.name}${one.member === null ? "" : one.member ? `, ${HOLDS}` : `, ${FAILS}`}`;
      frame.append(html("img", { src: one.shown.image, alt, loading: "lazy", decoding: "async", draggable: "false" }));
      if (one.map) frame.append(heatMap.overPicture(one.map));
    } else {
      frame.append(html("span", { class: "placeholder" }, name(one.name)));
    }
    const badge = mark(one.member);
    if (badge) frame.append(badge);
    return html(
      "figure", { class: one.member ? "sample member" : "sample" }, frame,
      html("figcaption", null, name(one.name, { class: "sample-name", title: one.name }), html("span", { class: "level" }, numbers.plain(one.activation))),
    );
  }

  /* Some tokenizers mark where words begin, others (with ##) where they go on. */
  const startsWord = (tokens, token) => !token.startsWith("##") && !tokens.some((other) => /^[\s▁Ġ]/.test(other));

  function words(one) {
    const body = html("p", { class: "words", dir: "auto" });
    if (one.kind === "missing") body.append(html("span", { class: "quiet" }, "not embedded"));
    const tokens = one.shown?.tokens || [one.shown?.text || ""];
    for (const [place, token] of tokens.entries()) {
      if (place > 0 && startsWord(tokens, token)) body.append(" ");
      const word = html("span", { class: "token" }, token);
      if (one.map) heatMap.shade(word, one.map, place);
      body.append(word);
    }
    return html(
      "div", { class: one.member ? "passage member" : "passage" },
      html("p", { class: "passage-head" }, mark(one.member), name(one.name, { class: "sample-name" }), html("span", { class: "level" }, numbers.plain(one.activation))),
      body,
    );
  }

  function numbersTable(shown) {
    const first = shown.find((one) => one.kind === "numbers");
    const head = html(
      "tr", null, html("th", { scope: "col" }, "sample"), html("th", { scope: "col" }, "activation"),
      first.shown.numbers.map(([column]) => html("th", { scope: "col" }, name(column))),
    );
    const rows = shown.map((one) => {
      const cells = (one.shown?.numbers || []).map(([, number], place) => {
        const cell = html("td", null, numbers.plain(number));
        if (one.map) heatMap.shade(cell, one.map, place);
        return cell;
      });
      const title = html("th", { scope: "row" }, mark(one.member), " ", name(one.name));
      return html("tr", { class: one.member ? "member" : null }, title, html("td", { class: "level" }, numbers.plain(one.activation)), cells);
    });
    return html("div", { class: "across", tabindex: 0, role: "region", "aria-label": "Values of the samples" }, html("table", { class: "numbers" }, html("thead", null, head), html("tbody", null, rows)));
  }

  function body(shown) {
    if (shown.some((one) => one.kind === "numbers")) return numbersTable(shown);
    if (shown.some((one) => one.kind === "text" || one.kind === "tokens")) return html("div", { class: "passages" }, shown.map(words));
    return html("div", { class: "pictures" }, shown.map(picture));
  }

  function legend(shown) {
    if (shown.every((one) => one.member === null)) return null;
    const known = shown.filter((one) => one.member).length;
    const entry = (member, text) => html("span", { class: "legend" }, mark(member), text);
    return html("p", { class: "legends quiet" }, entry(true, `${HOLDS} (${known} of ${shown.length})`), entry(false, FAILS));
  }

  function gathered(row) {
    return neurons.top[row].map((index, place) => {
      const shown = data.sample(index);
      return {
        shown,
        kind: kindOf(shown),
        name: shown ? shown.name : `row ${index}`,
        activation: neurons.top_activation ? neurons.top_activation[row][place] : null,
        member: neurons.top_member && neurons.top_member[row] ? Boolean(neurons.top_member[row][place]) : null,
        map: data.hasHeatMaps(row) ? data.heatMap(row, index) : null,
      };
    });
  }

  /* The section of one neuron, or null where nothing is known of samples. */
  function section(row) {
    if (!data.has.top || !neurons.top[row] || !neurons.top[row].length) return null;
    const shown = gathered(row);
    const box = body(shown);
    const pictures = box.classList.contains("pictures");
    const most = neurons.low_label[row] ? "least" : "most";
    const parts = [html("h3", null, `Samples that excite it ${most}`), legend(shown)];
    if (shown.some((one) => one.map)) parts.push(heatMap.controls(box, pictures, data.heatMapMethod()));
    const { credit } = data.report;
    const showsPictures = shown.some((one) => one.kind === "image");
    return html("section", null, parts, box, credit && showsPictures ? html("p", { class: "credit", dir: "auto" }, credit) : null);
  }

  return { section };
})();
