"use strict";

/* How numbers are written. */
Explorer.numbers = (() => {
  const NONE = "–";
  const SMALLEST = 1e-300;
  const counts = new Intl.NumberFormat("en");

  const missing = (number) => number === null || number === undefined || Number.isNaN(number);

  const count = (number) => (missing(number) ? NONE : counts.format(number));

  const auc = (number) => (missing(number) ? NONE : number.toFixed(3));

  function interval(low, high) {
    return missing(low) || missing(high) ? NONE : `${low.toFixed(3)} – ${high.toFixed(3)}`;
  }

  function p(number) {
    if (missing(number)) return NONE;
    if (number < SMALLEST) return "<1e-300";
    if (number >= 0.995) return "1";
    if (number >= 0.001) return number.toFixed(3);
    return number.toExponential(1);
  }

  /* A p-value of which the logarithm is known, also where the number itself underflows. */
  function pOfLog(log10) {
    if (missing(log10)) return NONE;
    if (log10 > -300) return p(10 ** log10);
    const exponent = Math.floor(log10);
    const factor = (10 ** (log10 - exponent)).toFixed(1);
    return factor === "10.0" ? `1.0e${exponent + 1}` : `${factor}e${exponent}`;
  }

  function percent(share) {
    if (missing(share)) return NONE;
    if (share > 0 && share < 0.001) return "<0.1\u00a0%";
    return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}\u00a0%`;
  }

  /* A level such as 0.95 as per cent, without the noise of binary fractions. */
  const level = (share) => `${Number((100 * share).toPrecision(6))}\u00a0%`;

  function plain(number) {
    if (missing(number)) return NONE;
    if (number === 0) return "0";
    const size = Math.abs(number);
    const text = size >= 1e6 || size < 1e-3 ? number.toExponential(1) : String(Number(number.toPrecision(3)));
    return text.replace("-", "−");
  }

  function signed(number) {
    return missing(number) ? NONE : `${number > 0 ? "+" : ""}${plain(number)}`;
  }

  /* Round numbers that cut [low, high] into about so many pieces. */
  function ticks(low, high, pieces) {
    if (!(high > low)) return [low];
    const rough = (high - low) / pieces;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
    const found = [];
    for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place += 1) {
      found.push(Number((place * step).toPrecision(12)));
    }
    return found;
  }

  return { missing, count, auc, interval, p, pOfLog, percent, level, plain, signed, ticks };
})();
