
// drawing: elements, scales, text that fits, and the rates by level

const SVG = 'http://www.w3.org/2000/svg';
const el = (name, attributes, ...children) => {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.append(...children);
  return node;
};
/** An HTML element; text is never markup. */
const tag = (name, attributes, ...children) => {
  const node = document.createElement(name);
  for (const key in attributes) if (attributes[key] !== null) node.setAttribute(key, attributes[key]);
  node.append(...children);
  return node;
};
const pen = document.createElement('canvas').getContext('2d');
const widthOf = (text, size, weight) => {
  pen.font = (weight || 400) + ' ' + size + 'px ' + getComputedStyle(document.body).fontFamily;
  return pen.measureText(text).width;
};
const shortened = (text, room, size, weight) => {
  if (widthOf(text, size, weight) <= room) return text;
  let kept = text;
  while (kept && widthOf(kept + '…', size, weight) > room) kept = kept.slice(0, -1);
  return kept.trimEnd() + '…';
};
const scale = (low, high, from, to) => (x) => from + (x - low) / (high - low) * (to - from);
/** Round ticks that cover low to high. */
const ticks = (low, high, most) => {
  if (!(low < high)) { low -= 0.5; high += 0.5; }
  const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= raw * 0.999) || 10 * power;
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
};
const tickText = (x, step, what) => {
  const unit = data.share ? 100 : 1;
  const decimals = [0, 1, 2, 3, 4, 5].find((d) => Math.abs(step * unit * 10 ** d - Math.round(step * unit * 10 ** d)) < 1e-6) ?? 6;
  return signless((x * unit).toFixed(decimals)) + (data.share && what ? '%' : '');
};
const extent = (numbers) => {
  let low = Infinity, high = -Infinity;
  for (const x of numbers) if (isNumber(x)) { low = Math.min(low, x); high = Math.max(high, x); }
  return low <= high ? [low, high] : [0, 1];
};
/** Where numbers lie; without the most extreme ones if these would flatten the rest. */
const extentOfMost = (numbers) => {
  const sorted = numbers.filter(isNumber).sort((a, b) => a - b), cut = Math.ceil(sorted.length / 100);
  if (!sorted.length) return [0, 1];
  const all = [sorted[0], sorted[sorted.length - 1]], most = [sorted[cut] ?? all[0], sorted[sorted.length - 1 - cut] ?? all[1]];
  return all[1] - all[0] > 3 * (most[1] - most[0]) && most[0] < most[1] ? most : all;
};
const axisLeft = (svg, marks, y, left, right, what) => marks.forEach((tick) => {
  const zero = Math.abs(tick) < 1e-9 * (marks[1] - marks[0]);
  svg.append(el('line', { x1: left, x2: right, y1: y(tick), y2: y(tick), stroke: zero ? 'var(--grey)' : 'var(--grid)', 'stroke-width': zero ? 1.4 : 1 }));
  svg.append(el('text', { x: left - 7, y: y(tick) + 4, 'text-anchor': 'end', class: 'soft', 'font-size': 11.5 }, tickText(tick, marks[1] - marks[0], what)));
});

const allRates = extentOfMost(specs.flatMap((spec) => (spec.r || []).filter(Boolean).flatMap((rate) => [rate[2] ?? rate[0], rate[3] ?? rate[0]])));

/** The levels that any of these has a rate of: codings differ in them. */
const shownLevels = (own) => levels.map((_, k) => k).filter((k) => own.some((spec) => spec.r && spec.r[k]));

/** The rates of the current and the pinned specification. */
const drawRates = (box, current, pinned) => {
  const drawn = [[specs[current], 'now']].concat(pinned === current ? [] : [[specs[pinned], 'pin']]).filter(([spec]) => spec.r);
  box.replaceChildren();
  const own = shownLevels(drawn.map(([spec]) => spec));
  if (!own.length) {
    box.append(tag('p', { class: 'soft' }, done(specs[current]) ? 'This coding has no rate of every level, only an effect.' : 'There are no rates to draw.'));
    return;
  }
  const width = Math.max(260, box.clientWidth), left = 46, right = width - 12, slot = (right - left) / own.length;
  const label = (k) => levels[k].label, size = own.some((k) => widthOf(label(k), 12) > slot - 4) ? 11 : 12, turned = own.some((k) => widthOf(label(k), size) > slot - 2);
  const foot = turned ? 18 + 0.6 * Math.max(...own.map((k) => widthOf(label(k), size))) : 24;
  const height = 268 + foot, top = 26, bottom = 252;
  const seen = drawn.flatMap(([spec]) => spec.r.filter(Boolean).flatMap((rate) => rate));
  const [low, high] = extent([...allRates, ...seen.filter((_, i) => i % 4 !== 1)]);
  const marks = ticks(Math.min(low, data.share ? 0 : low), high, 5);
  const y = scale(marks[0], marks[marks.length - 1], bottom, top);
  const svg = el('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'Adjusted rates by level; the table beside has the numbers' });
  axisLeft(svg, marks, y, left, right, 1);
  own.forEach((k, at) => {
    const x = left + (at + 0.5) * slot;
    svg.append(turned
      ? el('text', { x: x + 4, y: bottom + 16, 'text-anchor': 'end', 'font-size': size, transform: `rotate(-35 ${x + 4} ${bottom + 16})` }, label(k))
      : el('text', { x, y: bottom + 18, 'text-anchor': 'middle', 'font-size': size }, label(k)));
  });
  drawn.reverse().forEach(([spec, who]) => {
    const now = who === 'now', colour = now ? 'var(--blue)' : 'var(--pin)', aside = drawn.length < 2 ? 0 : now ? -4 : 4;
    const all = own.map((k, at) => ({ rate: spec.r[k], x: left + (at + 0.5) * slot + aside })).filter(({ rate }) => rate && isNumber(rate[0]));
    const whole = all.filter(({ rate }) => isNumber(rate[2]) && isNumber(rate[3]));
    if (whole.length > 1) {
      const edge = whole.map(({ rate, x }) => x + ',' + y(rate[3])).concat(whole.map(({ rate, x }) => x + ',' + y(rate[2])).reverse());
      svg.append(el('polygon', { points: edge.join(' '), fill: colour, opacity: 0.16 }));
    }
    svg.append(el('polyline', { points: all.map(({ rate, x }) => x + ',' + y(rate[0])).join(' '), fill: 'none', stroke: colour, 'stroke-width': 1.8, 'stroke-dasharray': now ? 'none' : '5 4' }));
    all.forEach(({ rate, x }) => {
      if (isNumber(rate[2]) && isNumber(rate[3])) {
        svg.append(el('path', { d: `M${x} ${y(rate[2])}V${y(rate[3])}M${x - 3} ${y(rate[2])}h6M${x - 3} ${y(rate[3])}h6`, stroke: colour, 'stroke-width': 1.4, fill: 'none' }));
      }
      const at = y(rate[0]);
      svg.append(now ? el('circle', { cx: x, cy: at, r: 4.2, fill: colour }) : el('path', { d: `M${x} ${at - 5}l5 5l-5 5l-5 -5z`, fill: 'var(--paper)', stroke: colour, 'stroke-width': 1.8 }));
      if (now) svg.append(el('text', { x: x + (drawn.length < 2 ? 0 : -2), y: Math.max(13, y(rate[3] ?? rate[0]) - 8), 'text-anchor': 'middle', 'font-weight': 700, 'font-size': 12, stroke: 'var(--paper)', 'stroke-width': 3.5, 'paint-order': 'stroke' }, data.share ? number(rate[0], 1) : plain(rate[0], 2)));
    });
  });
  box.append(svg);
};
