(() => {
'use strict';
// numbers, names and neighbours of specifications

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId('data').textContent);
const { specs, choices, levels } = data;
const done = (spec) => spec.e !== undefined;
const place = new Map(specs.map((spec, i) => [spec.o.join(), i]));
const named = new Map(specs.map((spec, i) => [spec.id, i]));
// choices with one option that is used say nothing about a specification
const varied = choices.map((_, c) => c).filter((c) => new Set(specs.map((spec) => spec.o[c])).size > 1);
const used = choices.map((choice, c) => choice.options.map((_, o) => specs.some((spec) => spec.o[c] === o)));

// what is shown: 0 the effect, 1.. the rates by level
const shown = [{ label: 'the effect', number: 0 }].concat(levels.map((level) => ({ label: 'the rate of ' + level.label, number: level.number })));
/** Estimate, standard error, interval of a specification, or null. */
const value = (spec, what) => (what === 0 ? spec.e : spec.r && spec.r[what - 1]) || null;
const isNumber = (x) => x !== null && x !== undefined && Number.isFinite(x);

// texts
const signless = (text) => (/[1-9]/.test(text) ? text : text.replace('-', '')).replace('-', '−');
const plain = (x, digits) => signless(Math.abs(x) >= 1e6 || (x !== 0 && Math.abs(x) < 1e-4) ? x.toExponential(2) : x.toFixed(digits));
const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
/** A rate (what > 0) or an effect, without its unit. */
const number = (x, what, digits) => !isNumber(x) ? '–'
  : data.share ? signless((100 * x).toFixed(digits ?? (what ? 1 : 2))) + (what ? '%' : '') : plain(x, 4);
/** A difference with its sign, without its unit. */
const difference = (x) => {
  if (!isNumber(x)) return '–';
  const text = number(x, 0);
  return x > 0 && /[1-9]/.test(text) ? '+' + text : text;
};
/** A standard error: never rounded to nothing; 0 stands for less than a ten-thousandth of the own errors. */
const errorText = (x) => {
  if (!isNumber(x)) return '–';
  if (x === 0) return '≈ 0';
  const text = number(x, 0);
  return /[1-9]/.test(text) ? text : '<' + (data.share ? '0.01' : '0.0001');
};
const points = data.share ? ' points' : '';
const pText = (p) => !isNumber(p) ? 'p not known' : p < 1e-4 ? 'p < 0.0001' : 'p = ' + p.toFixed(4);
const pShort = (p) => !isNumber(p) ? '–' : p < 1e-4 ? '<0.0001' : p.toFixed(4);
const range = (v, what) => !isNumber(v[2]) || !isNumber(v[3]) ? '' : '[' + number(v[2], what) + ', ' + number(v[3], what) + ']';
const option = (c, o) => choices[c].options[o];
const change = (c, from, to) => choices[c].label + ': ' + option(c, from) + ' → ' + option(c, to);
const significant = (spec) => done(spec) && isNumber(spec.e[4]) && spec.e[4] < data.alpha;

/** The specification with an option that has fewest other choices changed: those of small steps, then the first. */
const nearest = (from, c, o) => {
  let best = -1, least = Infinity;
  specs.forEach((spec, i) => {
    if (spec.o[c] !== o) return;
    let cost = done(spec) ? 0 : 0.5;
    spec.o.forEach((own, k) => { if (k !== c && own !== from[k]) cost += 1 + Math.min(Math.abs(own - from[k]), 9) / 100; });
    if (cost < least) { least = cost; best = i; }
  });
  return best;
};

// standard errors of differences between any two specifications, unpacked when the page stands
const packed = JSON.parse(byId('pairs').textContent);
const codes = [];
let pairsFailed = '';
const unpack = async (one) => {
  const text = atob(one.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = packed.positions * (packed.positions - 1) / 2, mask = (1 << one.bits) - 1, high = one.bits > 8;
  const result = new Uint16Array(count);
  for (let row = 1, at = 0; row < packed.positions; row++) {
    for (let k = 0, before = 0; k < row; k++, at++) {
      before = (before + raw[at] + (high ? raw[count + at] << 8 : 0)) & mask;
      result[at] = before;
    }
  }
  return result;
};
const unpackAll = async () => {
  if (!('DecompressionStream' in window)) {
    pairsFailed = 'This browser cannot unpack the errors between any two specifications; those from the baseline are shown.';
    return;
  }
  for (let n = 0; n < packed.numbers.length; n++) if (packed.numbers[n]) codes[n] = await unpack(packed.numbers[n]);
};
/** Standard error of the difference of a number between specifications a and b; 0 if too small to tell, null if not known. */
const errorBetween = (n, a, b) => {
  if (a === b) return 0;
  if (n === null) return null;
  const one = specs[a], other = specs[b];
  if (b === data.baseline && one.b) return one.b[n];
  if (a === data.baseline && other.b) return other.b[n];
  if (!codes[n]) return null;
  const i = Math.max(one.i, other.i), j = Math.min(one.i, other.i);
  const code = codes[n][i * (i - 1) / 2 + j], { low, step } = packed.numbers[n];
  return code === 0 ? null : code === 1 ? 0 : low * Math.exp((code - 2) * step);
};
/** Difference of what is shown between specifications: [difference, error, low, high], or null. */
const differenceOf = (what, to, from) => {
  const a = value(specs[to], what), b = value(specs[from], what);
  if (!a || !b || !isNumber(a[0]) || !isNumber(b[0])) return null;
  if (what === 0 && from === data.baseline && specs[to].d && isNumber(specs[to].d[1])) return specs[to].d.slice(0, 4);
  const error = errorBetween(shown[what].number, to, from), d = a[0] - b[0];
  // the same distribution as the interval of the effect
  const e = specs[to].e, critical = e[1] > 0 && isNumber(e[3]) ? (e[3] - e[0]) / e[1] : null;
  return [d, error, ...(isNumber(error) && critical ? [d - critical * error, d + critical * error] : [null, null])];
};
