"use strict";
// The page "Try a world": one cohort of simulated mice, or a reader's own numbers, analysed on this page alone.
// The functions of the analysis are those of endomtor.stats and endomtor.claims.verdicts without blocks; a test compares.
(() => {
  const ROUNDING = 10 * Number.EPSILON;
  const SMALLEST = 0.25;

  // ln Gamma: Stirling's series (DLMF 5.11.1) from 15 on, where the terms left out are below rounding.
  function logGamma(x) {
    let product = 1;
    for (; x < 15; x++) product *= x;
    const r = 1 / (x * x);
    const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / x;
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
  }

  // I_x(a, b), with y = 1 - x given so that it keeps its digits: the continued fraction DLMF 8.17.22, evaluated by
  // Lentz's method as modified by Thompson and Barnett (1986, J Comput Phys 64:490).
  function incompleteBeta(x, y, a, b, logBeta) {
    if (x <= 0) return 0;
    if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(y, x, b, a, logBeta);
    const front = Math.exp(a * Math.log(x) + b * Math.log(y) - logBeta) / a;
    let c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), product = d, step = 0;
    for (let m = 1; Math.abs(step - 1) > 1e-16 && m < 1000; m++) {
      const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      for (const term of [even, odd]) {
        d = 1 / (1 + term * d);
        c = 1 + term / c;
        step = c * d;
        product *= step;
      }
    }
    return front * product;
  }

  // ln B(df / 2, 1 / 2); ln Gamma(1 / 2) is half of ln pi.
  function logBetaOf(df) {
    return logGamma(df / 2) + Math.log(Math.PI) / 2 - logGamma((df + 1) / 2);
  }

  // P(T > t) of Student's t: half of I_x(df / 2, 1 / 2) at x = df / (df + t^2) (Abramowitz and Stegun 26.7.1).
  function upperTail(df, t, logBeta = logBetaOf(df)) {
    const square = t * t;
    const both = incompleteBeta(df / (df + square), square / (df + square), df / 2, 0.5, logBeta);
    return t > 0 ? both / 2 : 1 - both / 2;
  }

  // For tails of at most 5 %. The tail is convex right of 0 and heavier than the normal one, so Newton's steps from
  // below the normal quantile never pass the quantile.
  function quantile(df, tail) {
    const logBeta = logBetaOf(df);
    const height = Math.exp(-logBeta) / Math.sqrt(df);
    let t = 1.64, step = 1;
    for (let i = 0; step > 1e-15 * t && i < 100; i++) {
      step = (upperTail(df, t, logBeta) - tail) / (height * (1 + t * t / df) ** (-(df + 1) / 2));
      t += step;
    }
    return t;
  }

  // Divided by a power of two no digit changes, and no square overflows.
  function scaled(samples) {
    const largest = Math.max(...samples.flat().map(Math.abs));
    const size = largest ? 2 ** Math.floor(Math.log2(largest)) : 1;
    return [size, samples.map((values) => values.map((value) => value / size))];
  }

  function moments(values) {
    const same = values.every((value) => value === values[0]);
    const mean = same ? values[0] : values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return {n: values.length, mean, variance: squares / (values.length - 1)};
  }

  function withheld(sentence, estimate = NaN) {
    return {
      estimate, low: -Infinity, high: Infinity, inner: [-Infinity, Infinity], p: NaN, agingP: NaN, kind: "whole_line",
      withheld: sentence,
    };
  }

  function tooFew(groups, names) {
    const few = names.filter((name) => groups[name].length < 2).map((name) => `${groups[name].length} in ${name}`);
    return few.length
      ? `Too few animals to estimate the spread between them (${few.join(", ")}), expected at least 2 in each group.` : "";
  }

  // Group a minus group b, Welch's t: endomtor.stats.difference.
  function difference(groups, a, b) {
    const few = tooFew(groups, [a, b]);
    const [size, samples] = scaled([groups[a], groups[b]]);
    const both = samples.map(moments);
    if (few) return withheld(few, size * (both[0].mean - both[1].mean));
    const parts = both.map(({n, variance}) => variance / n);
    const variance = parts[0] + parts[1];
    const estimate = both[0].mean - both[1].mean;
    const error = Math.sqrt(variance);
    if (!(error > ROUNDING * Math.max(...samples.flat().map(Math.abs)))) {
      return withheld(`The values do not vary within ${a} and ${b}.`, size * estimate);
    }
    const df = variance ** 2 / (parts[0] ** 2 / (both[0].n - 1) + parts[1] ** 2 / (both[1].n - 1));
    const [outer, inner] = [0.025, 0.05].map((tail) => quantile(df, tail) * error);
    return {
      estimate: size * estimate, low: size * (estimate - outer), high: size * (estimate + outer),
      inner: [size * (estimate - inner), size * (estimate + inner)],
      p: 2 * upperTail(df, Math.abs(estimate) / error), df, kind: "bounded", withheld: "",
    };
  }

  // N = ecko - control and D = aged - young; at phi = p / q the contrast q N - p D, its variance and its df.
  function ratioOf(samples) {
    const {young, aged, control, ecko} = samples;
    const [up, down] = [[ecko, control], [aged, young]].map((pair) => pair.map(({n, variance}) => variance / n));
    const spread = (parts, pair) => parts.reduce((sum, part, i) => sum + part ** 2 / (pair[i].n - 1), 0);
    const [numerator, denominator] = [ecko.mean - control.mean, aged.mean - young.mean];
    const [vN, vD] = [up[0] + up[1], down[0] + down[1]];
    const [sN, sD] = [spread(up, [ecko, control]), spread(down, [aged, young])];
    const at = (p, q) => {
      const variance = vN * q * q + vD * p * p;
      // The tiny terms give a variance of exactly 0 one degree of freedom instead of 0 / 0.
      return [q * numerator - p * denominator, variance, (variance ** 2 + 1e-300) / (sN * q ** 4 + sD * p ** 4 + 1e-300)];
    };
    const upperP = (p, q, sign) => {
      const [w, variance, df] = at(p, q);
      if (variance <= 0) return sign * w > 0 ? 0 : 1;
      return upperTail(df, sign * w / Math.sqrt(variance));
    };
    return {numerator, denominator, vN, vD, at, upperP, estimate: denominator ? numerator / denominator : NaN};
  }

  // All phi that the test with tail does not reject, on the circle of angles: endomtor.stats.resemblance.
  function fieller(ratio, tail) {
    const size = (ratio.numerator ** 2 + ratio.vN) / (ratio.denominator ** 2 + ratio.vD);
    const scale = size > 0 ? Math.sqrt(size) : 1;
    const excess = (angle) => {
      const [w, variance, df] = ratio.at(scale * Math.sin(angle), Math.cos(angle));
      return w * w - quantile(df, tail) ** 2 * variance;
    };
    const extra = [
      Math.atan2(ratio.numerator / scale, ratio.denominator),
      Math.atan2(-ratio.vN * ratio.denominator / scale, ratio.vD * ratio.numerator),
    ].map((angle) => angle - Math.PI * Math.floor((angle + Math.PI / 2) / Math.PI));
    const grid = Array.from({length: 128}, (_, i) => -Math.PI / 2 + i * Math.PI / 128);
    const angles = [...new Set([...grid, ...extra])].sort((a, b) => a - b);
    const outside = angles.map((angle) => excess(angle) > 0);
    const ring = [...angles, angles[0] + Math.PI];
    const changes = [...angles.keys()].filter((i) => outside[i] !== outside[(i + 1) % angles.length]);
    if (!changes.length) {
      return outside[0] ? ["bounded", ratio.estimate, ratio.estimate] : ["whole_line", -Infinity, Infinity];
    }
    const roots = changes.map((i) => root(excess, ring[i], ring[i + 1]));
    const limits = roots.map((angle) => {
      const value = Math.tan(angle);
      return Math.abs(value) > 1e9 ? Math.sign(angle) * Infinity : scale * value;
    });
    let kind = "bounded", [low, high] = [limits[0], limits.at(-1)];
    if (!outside[0]) {
      // Not bounded: the widest of the gaps is what lies outside.
      const gaps = roots.map((angle, i) => (i % 2 ? -1 : roots[i + 1] - angle));
      const first = gaps.indexOf(Math.max(...gaps));
      [kind, low, high] = ["two_piece", limits[first], limits[first + 1]];
    }
    if (Number.isFinite(low) && Number.isFinite(high)) return [kind, low, high];
    const [start, end] = kind === "bounded" ? [low, high] : [high, low];
    if (Number.isFinite(start)) return ["upper_unbounded", start, Infinity];
    return Number.isFinite(end) ? ["lower_unbounded", -Infinity, end] : ["whole_line", -Infinity, Infinity];
  }

  // By halves, since the excess may be flat or steep.
  function root(f, low, high) {
    const [atLow, atHigh] = [f(low), f(high)];
    if (atLow * atHigh > 0) return Math.abs(atLow) < Math.abs(atHigh) ? low : high;
    const rising = atLow < atHigh;
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (f(middle) > 0 === rising) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  }

  // (ecko - control) / (aged - young) with Fieller's set: endomtor.stats.phi.
  function phi(groups, direction) {
    const names = ["young", "aged", "control", "ecko"];
    const [, values] = scaled(names.map((name) => groups[name]));
    const ratio = ratioOf(Object.fromEntries(names.map((name, i) => [name, moments(values[i])])));
    const few = tooFew(groups, names);
    if (few) return withheld(few, ratio.estimate);
    const all = moments(values.flat());
    const rounding = 1e-24 * all.variance * (all.n - 1);
    if (ratio.vN + ratio.vD <= rounding) return withheld("No group has any spread: there is nothing to test against.", ratio.estimate);
    if (Math.max(ratio.denominator ** 2, ratio.vD) <= rounding) {
      return withheld("Aged and young have the same value without any spread: phi has no denominator.", ratio.estimate);
    }
    const either = direction === "either";
    const sign = {greater: 1, less: -1, either: Math.sign(ratio.denominator) || 1}[direction];
    const aging = ratio.upperP(-1, 0, sign);
    const exceeds = ratio.upperP(SMALLEST, 1, sign);
    const [[kind, low, high], [innerKind, ...inner]] = [0.025, 0.05].map((tail) => fieller(ratio, tail));
    return {
      estimate: ratio.estimate, low, high, kind, inner: innerKind === "bounded" ? inner : [-Infinity, Infinity],
      p: Math.min(1, 2 * Math.max(aging, exceeds)), agingP: either ? Math.min(1, 2 * aging) : aging, withheld: "",
    };
  }

  // The word and its reason: endomtor.claims.verdicts.judge.
  function judge(answer, rule, direction, smallest = SMALLEST) {
    if (answer.withheld) return ["not testable here", "withheld"];
    let {estimate, low, high} = answer;
    const within = -smallest < answer.inner[0] && answer.inner[1] < smallest;
    if (rule === "phi") {
      const alpha = direction === "either" ? 0.05 : 0.025;
      if (!(answer.agingP <= alpha) || answer.kind !== "bounded") return ["inconclusive", "no aging effect"];
      if (low > smallest) return ["supported", "effect"];
    } else {
      if (direction === "less" || (direction === "either" && estimate < 0)) [estimate, low, high] = [-estimate, -high, -low];
      if (low > 0 && estimate >= smallest) return ["supported", "effect"];
    }
    if (high < 0) return ["contradicted", "opposite"];
    return within ? ["contradicted", "equivalent"] : ["inconclusive", "too imprecise"];
  }

  // The word in a world of which it is known whether the prediction holds: endomtor.claims.verdicts.in_world.
  function inWorld(word, truth) {
    if (word === "not testable here") return word;
    if (truth) return word === "supported" ? "recovered" : "missed";
    return word === "supported" ? "false alarm" : "rightly silent";
  }

  // mulberry32 (T. Ettinger, public domain). Each group of each cohort has its own stream: another slider moves the
  // animals that are there, and draws no others.
  function uniform(seed) {
    let state = Math.imul(seed, 0x9e3779b1);
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  // Four groups, in standard deviations of young mice; normal values by Box and Muller (1958).
  function cohort({phi: share, aging, n, spread}, seed) {
    const about = {young: [0, 1], aged: [aging, spread], control: [0, 1], ecko: [share * aging, spread]};
    return Object.fromEntries(Object.entries(about).map(([name, [mean, sd]], place) => {
      const random = uniform(4 * seed + place);
      const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return [name, Array.from({length: n}, () => mean + sd * normal())];
    }));
  }

  function holds(world) {
    return world.aging > 0 && world.phi > SMALLEST;
  }

  // A table of group, value and perhaps animal, from a spreadsheet or a CSV file; throws one sentence.
  function parse(text) {
    const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
    const heading = lines.find((line) => line.trim()) ?? "";
    const separator = ["\t", ";"].find((mark) => heading.includes(mark)) ?? ",";
    const cells = (line) => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1").trim());
    const titles = cells(heading).map((title) => title.toLowerCase());
    const [group, value, animal] = ["group", "value", "animal"].map((title) => titles.indexOf(title));
    const start = lines.indexOf(heading) + 1;
    if (group < 0 || value < 0) {
      throw new Error(`Row ${start} is “${heading.slice(0, 60)}”, expected the headings group and value (and animal, if you have it).`);
    }
    const [groups, seen] = [new Map(), new Map()];
    let blank = 0;
    lines.slice(start).forEach((line, i) => {
      const row = start + i + 1;
      if (!line.trim()) return;
      const found = cells(line);
      if (found.length !== titles.length) {
        throw new Error(`Row ${row} has ${found.length} cells, expected ${titles.length} as in the heading (decimals with a point).`);
      }
      const name = /^(young|aged|control|ecko)$/i.test(found[group]) ? found[group].toLowerCase() : found[group];
      if (!name) throw new Error(`Row ${row}, column group is empty, expected the name of a group.`);
      if (animal >= 0) {
        if (!found[animal]) throw new Error(`Row ${row}, column animal is empty, expected the animal's id.`);
        if (seen.has(found[animal])) {
          throw new Error(`Row ${row}, column animal: “${found[animal]}” is in row ${seen.get(found[animal])} already, expected one row an animal (take its mean first).`);
        }
        seen.set(found[animal], row);
      }
      if (!found[value]) return void blank++;
      const typed = found[value].replace("−", "-");
      const number = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(typed) ? Number(typed) : NaN;
      if (!Number.isFinite(number)) {
        throw new Error(`Row ${row}, column value: “${found[value].slice(0, 40)}” is no finite number, expected one such as 3.2.`);
      }
      groups.set(name, [...groups.get(name) ?? [], number]);
    });
    const names = [...groups.keys()];
    const four = ["young", "aged", "control", "ecko"];
    if (names.length !== 2 && !(names.length === 4 && four.every((name) => groups.has(name)))) {
      throw new Error(`The column group has ${names.length} groups with values (${names.slice(0, 6).join(", ")}), expected two, or the four young, aged, control and ecko.`);
    }
    const order = names.every((name) => four.includes(name)) ? four.filter((name) => groups.has(name)) : names;
    return {groups: Object.fromEntries(order.map((name) => [name, groups.get(name)])), blank};
  }

  function logarithms(groups) {
    for (const [name, values] of Object.entries(groups)) {
      const wrong = values.find((value) => !(value > 0));
      if (wrong !== undefined) throw new Error(`Group ${name} has the value ${wrong}, expected numbers above 0 where logarithms are taken.`);
    }
    return Object.fromEntries(Object.entries(groups).map(([name, values]) => [name, values.map(Math.log2)]));
  }

  globalThis.endomtorWorld = {difference, phi, judge, inWorld, cohort, parse};
  const page = globalThis.document?.querySelector(".endomtor-world");
  if (!page) return;

  // From here on the page.
  const REASONS = {
    "effect": "the effect is there and large enough to matter",
    "any effect": "the interval leaves out 0; which size would matter was not said",
    "opposite": "the effect goes the other way",
    "equivalent": "any effect is smaller than the smallest of interest",
    "too imprecise": "the interval is too wide to tell",
    "no aging effect": "no aging effect is seen, so nothing can resemble it",
  };
  const WORDS = {
    "recovered": "Analysis works: it found the simulated effect",
    "missed": "Missed: the effect is planted, and this cohort does not show it",
    "false alarm": "False alarm: no such effect is planted, and the analysis announces one",
    "rightly silent": "Rightly silent: no such effect is planted, and none is announced",
    "supported": "Supported by these numbers",
    "contradicted": "Contradicted by these numbers",
    "inconclusive": "Inconclusive on these numbers",
    "not testable here": "Not testable here",
  };
  const named = (group) => (group === "ecko" ? "ECKO" : group);
  const shown = (value) => (Number.isFinite(value) ? Number(value.toPrecision(Math.abs(value) < 1 ? 2 : 3)).toString() : "unbounded").replace("-", "−");
  // A number of an axis, for which there are five letters' room.
  const compact = new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 4});
  const short = (value) => (value && Math.abs(value) < 0.001 ? value.toExponential() : compact.format(value)).replace("-", "−");
  const pText = (p) => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);
  const setText = ({kind, low, high}) =>
    kind === "whole_line" ? "any value" : kind === "two_piece" ? `at most ${shown(low)} or at least ${shown(high)}` : `${shown(low)} to ${shown(high)}`;

  function draw(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  function picture(place, height, alt) {
    const width = Math.max(280, Math.min(720, place.clientWidth));
    const svg = draw(place, "svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": alt});
    return [svg, width];
  }

  // Marks of a group are a shape and a colour (endomtor.figures.style).
  const SHAPES = {
    young: "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0", aged: "M-4 -4h8v8h-8z", control: "M0 -5L5 4H-5z", ecko: "M0 -5.5L5.5 0L0 5.5L-5.5 0z",
  };

  function ticks(low, high) {
    const rough = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((one) => one * power >= rough);
    const first = Math.ceil(low / step);
    return Array.from({length: Math.floor(high / step) - first + 1}, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  function axis(svg, x, top, bottom, numbers) {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    const y = (value) => bottom - (value - low + room) / (high - low + 2 * room) * (bottom - top);
    draw(svg, "path", {d: `M${x} ${top}V${bottom}`, class: "endomtor-world-rule"});
    for (const at of ticks(low - room, high + room)) {
      draw(svg, "path", {d: `M${x - 4} ${y(at)}h4`, class: "endomtor-world-rule"});
      draw(svg, "text", {x: x - 7, y: y(at) + 4, "text-anchor": "end"}, short(at));
    }
    return y;
  }

  // Each animal, and the differences with their intervals beside.
  function estimationPlot(place, groups, differences, alt, unit) {
    const [svg, width] = picture(place, 300, alt);
    const names = Object.keys(groups);
    const [top, bottom, left] = [30, 262, 36];
    const slot = (width - 2 * left - 8) / (names.length + 1.4 * differences.length);
    const y = axis(svg, left, top, bottom, Object.values(groups).flat());
    draw(svg, "text", {x: 4, y: 16}, unit);
    names.forEach((name, i) => {
      const middle = left + slot * (i + 0.5);
      const [values, known] = [groups[name], Object.hasOwn(SHAPES, name)];
      values.forEach((value, k) => {
        // Steps of the golden section spread animals evenly, whatever their number.
        const aside = ((k * 0.618034 + 0.5) % 1 - 0.5) * slot * 0.6;
        draw(svg, "path", {d: SHAPES[known ? name : "young"], transform: `translate(${middle + aside} ${y(value)})`, class: `endomtor-world-${known ? name : "other"}`});
      });
      const at = y(moments(values).mean);
      draw(svg, "path", {d: `M${middle - slot * 0.36} ${at}h${slot * 0.72}`, class: "endomtor-world-mean"});
      draw(svg, "text", {x: middle, y: bottom + 17, "text-anchor": "middle"}, named(name).slice(0, 9));
      draw(svg, "text", {x: middle, y: bottom + 32, "text-anchor": "middle", class: "endomtor-world-quiet"}, `n = ${values.length}`);
    });
    const begin = left * 2 + slot * names.length + 8;
    const limits = differences.flatMap(({answer}) => [answer.low, answer.high, answer.estimate]).filter(Number.isFinite);
    const z = axis(svg, begin, top, bottom, [0, ...limits]);
    draw(svg, "text", {x: begin - 34, y: 16}, width < 500 ? "difference" : "difference, 95 % interval");
    draw(svg, "path", {d: `M${begin} ${z(0)}H${width}`, class: "endomtor-world-zero"});
    differences.forEach(({a, b, answer}, i) => {
      const middle = begin + 1.4 * slot * (i + 0.5);
      if (Number.isFinite(answer.low)) draw(svg, "path", {d: `M${middle} ${z(answer.low)}V${z(answer.high)}`, class: "endomtor-world-interval"});
      if (Number.isFinite(answer.estimate)) draw(svg, "circle", {cx: middle, cy: z(answer.estimate), r: 5, class: "endomtor-world-estimate"});
      draw(svg, "text", {x: middle, y: bottom + 17, "text-anchor": "middle"}, `${named(a).slice(0, 9)} −`);
      draw(svg, "text", {x: middle, y: bottom + 32, "text-anchor": "middle"}, named(b).slice(0, 9));
    });
  }

  // The set of phi on its line, an arrow where it goes on.
  function phiLine(place, answer, alt) {
    const [svg, width] = picture(place, 88, alt);
    const finite = [answer.estimate, answer.low, answer.high].filter(Number.isFinite);
    const [low, high] = [Math.max(-3, Math.min(-0.6, ...finite) - 0.2), Math.min(4, Math.max(1.6, ...finite) + 0.2)];
    const x = (value) => 14 + (Math.max(low, Math.min(high, value)) - low) / (high - low) * (width - 28);
    for (const [at, words] of [[0, "0: like young"], [1, "1: like aged"]]) {
      draw(svg, "path", {d: `M${x(at)} 24V66`, class: "endomtor-world-rule"});
      draw(svg, "text", {x: x(at), y: 16, "text-anchor": "middle"}, words);
    }
    draw(svg, "path", {d: `M${x(SMALLEST)} 24V66`, class: "endomtor-world-zero"});
    draw(svg, "text", {x: x(SMALLEST), y: 82, "text-anchor": "middle"}, `φ ${SMALLEST}`);
    const pieces = answer.kind === "two_piece" ? [[-Infinity, answer.low], [answer.high, Infinity]] : [[answer.low, answer.high]];
    for (const [from, to] of pieces) {
      draw(svg, "path", {d: `M${x(from)} 46H${x(to)}`, class: "endomtor-world-interval"});
      if (from < low) draw(svg, "path", {d: "M4 46l10 -6v12z", class: "endomtor-world-estimate"});
      if (to > high) draw(svg, "path", {d: `M${width - 4} 46l-10 -6v12z`, class: "endomtor-world-estimate"});
    }
    if (answer.estimate >= low && answer.estimate <= high) draw(svg, "circle", {cx: x(answer.estimate), cy: 46, r: 6, class: "endomtor-world-estimate"});
  }

  // What a cohort of simulated mice and a reader's own have in common: figure, and its sentences.
  function analysed(figure, groups, {mark, direction, unit}) {
    const pairs = "ecko" in groups && "aged" in groups ? [["aged", "young"], ["ecko", "control"]] : [Object.keys(groups).reverse()];
    const differences = pairs.map(([a, b]) => ({a, b, answer: difference(groups, a, b)}));
    const told = differences.map(({a, b, answer}) =>
      answer.withheld || `${named(a)} − ${named(b)}: ${shown(answer.estimate)} (95 % interval ${setText(answer)}; ${pText(answer.p)})`);
    const counts = Object.entries(groups).map(([name, values]) => `${named(name)} ${values.length}, mean ${shown(moments(values).mean)}`);
    const plots = figure.querySelector(".endomtor-world-plots");
    const ratio = pairs.length === 2 ? phi(groups, direction) : null;
    if (ratio && !ratio.withheld) told.push(`φ: ${shown(ratio.estimate)} (95 % set: ${setText(ratio)})`);
    const redraw = () => {
      plots.replaceChildren();
      estimationPlot(plots, groups, differences, `${mark}. Each animal of each group, with the mean: ${counts.join("; ")}. ${told.slice(0, pairs.length).join("; ")}.`, unit);
      if (ratio && !ratio.withheld) phiLine(plots, ratio, `${mark}. ${told.at(-1)}, on a line with 0, like young, and 1, like aged.`);
    };
    figure.hidden = false;
    redraw();
    figure.redraw = () => {
      if (plots.clientWidth && plots.clientWidth !== figure.drawnAt) redraw();
      figure.drawnAt = plots.clientWidth;
    };
    figure.querySelector(".endomtor-world-numbers").textContent = `${told.map((one) => one.replace(/\.$/, "")).join(". ")}.`;
    return {differences, ratio};
  }

  function sentence(word, reason, why) {
    const because = ["recovered", "false alarm"].includes(word) ? "" : ` (${REASONS[reason] ?? why.replace(/\.$/, "")})`;
    return `${WORDS[word]}${because}.`;
  }

  const find = (name) => document.getElementById(`world-${name}`);
  const sliders = Object.fromEntries(["phi", "aging", "n", "spread"].map((name) => [name, find(name)]));
  const [drawn, own] = [find("drawn"), find("own")];
  let seed = 1, later = 0;

  // Without the sets, where the two tests that they must pass say no already.
  function found(groups) {
    const ratio = ratioOf(Object.fromEntries(Object.entries(groups).map(([name, values]) => [name, moments(values)])));
    if (ratio.upperP(-1, 0, 1) > 0.025 || ratio.upperP(SMALLEST, 1, 1) > 0.025) return false;
    return judge(phi(groups, "greater"), "phi", "greater")[0] === "supported";
  }

  // The page answers to its reader in between; a slider that moves meanwhile ends the count.
  async function settle(world, ratio, turn) {
    const [word, reason] = judge(ratio, "phi", "greater");
    find("verdict").textContent = sentence(inWorld(word, holds(world)), reason, ratio.withheld);
    const counts = [0, 0];
    for (let one = 1; one <= 100; one++) {
      [world, {...world, phi: 0}].forEach((each, place) => {
        counts[place] += found(cohort(each, one));
      });
      if (one % 5 === 0) await new Promise((resume) => setTimeout(resume));
      if (turn !== later) return;
    }
    const words = holds(world) ? "find the effect" : "announce an effect that is not there";
    find("share").textContent = `Of cohorts 1 to 100 of this world, ${counts[0]} ${words}; with φ = 0 and all else the same, ${counts[1]} cry wolf.`;
  }

  function simulate() {
    const world = Object.fromEntries(Object.entries(sliders).map(([name, slider]) => [name, Number(slider.value)]));
    for (const [name, slider] of Object.entries(sliders)) find(`${name}-said`).value = shown(Number(slider.value));
    find("seed").textContent = `Cohort ${seed}`;
    const {ratio} = analysed(drawn, cohort(world, seed), {mark: "SIMULATED", direction: "greater", unit: "value (SD of young)"});
    // Said once a slider rests: a screen reader would be told each step.
    clearTimeout(later);
    const turn = later = setTimeout(() => settle(world, ratio, turn), 250);
  }

  for (const slider of Object.values(sliders)) slider.addEventListener("input", simulate);
  find("another").addEventListener("click", () => {
    seed++;
    simulate();
  });

  const points = find("points");
  function compute() {
    const told = find("own-verdict");
    try {
      if (points.value.length > 1e6) throw new Error("These are more than a million characters, expected one endpoint with a row an animal.");
      const {groups, blank} = parse(points.value);
      const direction = find("direction").value;
      const log = find("scale").value === "log2";
      const {differences, ratio} = analysed(own, log ? logarithms(groups) : groups, {mark: "YOUR NUMBERS", direction, unit: log ? "log2 value" : "value"});
      const answer = ratio ?? differences[0].answer;
      const smallest = ratio ? SMALLEST : Math.max(0, Number(find("smallest").value));
      const [word, reason] = judge(answer, ratio ? "phi" : "difference", direction, smallest);
      told.textContent = sentence(word, reason === "effect" && !smallest ? "any effect" : reason, answer.withheld) + (blank ? ` Rows without a value, left out: ${blank}.` : "");
    } catch (error) {
      own.hidden = true;
      told.textContent = error.message;
    }
  }

  async function take(file) {
    if (!file) return;
    if (file.size > 1e6) return void (find("own-verdict").textContent = `${file.name} has ${file.size} bytes, expected a CSV file below a megabyte.`);
    points.value = await file.text();
    compute();
  }

  find("compute").addEventListener("click", compute);
  find("file").addEventListener("change", (event) => take(event.target.files[0]));
  points.addEventListener("dragover", (event) => event.preventDefault());
  points.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    take(file);
  });

  for (const form of document.querySelectorAll(".endomtor-world-form")) form.addEventListener("submit", (event) => event.preventDefault());
  // The style sheet has done so already in browsers that know (scripting: enabled).
  for (const part of document.querySelectorAll(".endomtor-world, .endomtor-world-own")) part.style.display = "block";
  document.querySelector(".endomtor-world-unscripted").remove();
  simulate();
  // Also when the switch "Real mice only" shows the figure again.
  const resized = new ResizeObserver((entries) => entries.forEach(({target}) => target.redraw?.()));
  for (const figure of [drawn, own]) resized.observe(figure);
})();
