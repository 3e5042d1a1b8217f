
// the sorted curve with the options below it

const curve = byId('curve');
/** What is drawn now: `order` specifications by size, `rank` of a specification, where they stand. */
let drawing = { order: [], rank: new Map(), left: 0, slot: 1, first: 0, last: 0, height: 0, y: (x) => x };

const matchesPlan = (spec, plan) => plan === 'all' || spec.p === (plan === 'planned');
const sortedBy = (what, plan) => {
  const order = specs.map((_, i) => i).filter((i) => {
    const v = value(specs[i], what);
    return v && isNumber(v[0]) && matchesPlan(specs[i], plan);
  });
  const size = (i) => value(specs[i], what)[0];
  return order.sort((a, b) => size(a) - size(b) || a - b);
};

/** Rows of marks below: whether tests reject, whether it was planned, and the options of every choice that varies. */
const dashboard = (order) => {
  const block = (label, rows) => ({ label, rows: rows.filter(([, holds]) => order.some((i) => holds(specs[i]))) });
  const blocks = [{
    label: 'Test', rows: [
      ['p < ' + data.alpha, significant],
      ...(data.joint ? [['family-wise p < ' + data.alpha, (spec) => isNumber(spec.q) && spec.q < data.alpha]] : []),
    ],
  }];
  if (specs.some((spec) => spec.p !== null)) blocks.push(block('Plan', [['Planned', (spec) => spec.p === true], ['Exploratory', (spec) => spec.p === false]]));
  varied.forEach((c) => blocks.push(block(choices[c].label, choices[c].options.map((label, o) => [label, (spec) => spec.o[c] === o]))));
  return blocks;
};

const drawCurve = (state) => {
  const what = state.number, order = sortedBy(what, state.plan);
  const rank = new Map(order.map((i, at) => [i, at]));
  if (!order.length) {
    curve.replaceChildren(tag('p', { class: 'soft' }, 'No specification has such an estimate with this filter.'));
    drawing = { ...drawing, order, rank, first: 0, last: 0, blocks: [], cut: false, what };
    return;
  }
  let first = 0, last = order.length;
  if (state.zoom && order.length > state.zoom) {
    const middle = rank.get(state.current) ?? Math.floor(order.length / 2);
    first = Math.min(Math.max(0, middle - Math.floor(state.zoom / 2)), order.length - state.zoom);
    last = first + state.zoom;
  }
  const width = Math.max(280, curve.clientWidth), blocks = dashboard(order);
  const ROW = 16, HEAD = 18, TOP = 24, PANEL = width < 560 ? 220 : 280;
  const widest = Math.max(0, ...blocks.flatMap((block) => block.rows.map(([label]) => widthOf(label, 11.5))));
  const left = Math.ceil(Math.min(Math.max(52, widest + 14), width < 560 ? 0.34 * width : 220)), right = width - 10;
  const bottom = TOP + PANEL, slot = (right - left) / Math.max(1, last - first);
  const height = bottom + 8 + blocks.reduce((sum, block) => sum + HEAD + block.rows.length * ROW + 4, 0);
  const svg = el('svg', { width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
  const inView = order.slice(first, last);
  const x = (at) => left + (at - first + 0.5) * slot;
  const values = inView.map((i) => value(specs[i], what));
  const outer = extentOfMost(values.flatMap((v) => [v[2] ?? v[0], v[3] ?? v[0]]));
  const [low, high] = extent([...outer, ...values.map((v) => v[0]), ...(what ? [] : [0])]);
  const marks = ticks(low, high, 6), base = marks[0], peak = marks[marks.length - 1];
  const y = scale(base, peak, bottom, TOP);
  const cut = values.some((v) => [v[2], v[3]].some((end) => isNumber(end) && (end < base || end > peak)));
  const held = (v) => y(Math.min(Math.max(v, base), peak));
  axisLeft(svg, marks, y, left, right, what);
  // one path for the whiskers of a kind and one for its markers: thousands of elements would be slow
  const r = Math.min(Math.max(slot * 0.42, 1.2), 4.2), paths = { yes: ['', ''], no: ['', ''] };
  inView.forEach((i, at) => {
    const kind = paths[significant(specs[i]) && !what ? 'yes' : 'no'], v = values[at], px = x(first + at).toFixed(2);
    if (isNumber(v[2]) && isNumber(v[3])) kind[0] += `M${px} ${held(v[2]).toFixed(2)}V${held(v[3]).toFixed(2)}`;
    kind[1] += `M${px} ${y(v[0]).toFixed(2)}h0`;
  });
  const whisker = Math.min(Math.max(slot * 0.5, 0.4), 1.6);
  svg.append(el('path', { d: paths.no[0], stroke: 'var(--faint)', 'stroke-width': whisker }), el('path', { d: paths.yes[0], stroke: 'var(--pale)', 'stroke-width': whisker }));
  const dots = (d, colour, size) => el('path', { d, stroke: colour, 'stroke-width': size, 'stroke-linecap': 'round' });
  svg.append(dots(paths.no[1], 'var(--grey)', 2 * r));
  if (r > 2) svg.append(dots(paths.no[1], 'var(--paper)', 2 * r - 3));
  svg.append(dots(paths.yes[1], 'var(--blue)', 2 * r));
  let row = bottom + 8;
  const thick = Math.min(Math.max(slot * 0.6, 0.5), 3);
  blocks.forEach((block) => {
    svg.append(el('text', { x: 0, y: row + 13, 'font-weight': 700, 'font-size': 12 }, shortened(block.label, width, 12, 700)));
    row += HEAD;
    block.rows.forEach(([label, holds], k) => {
      if (k % 2 === 0) svg.append(el('rect', { x: left, y: row, width: right - left, height: ROW, fill: 'var(--stripe)' }));
      svg.append(el('text', { x: left - 7, y: row + 12, 'text-anchor': 'end', 'font-size': 11.5 }, shortened(label, left - 8, 11.5)));
      const d = inView.map((i, at) => (holds(specs[i]) ? `M${x(first + at).toFixed(2)} ${row + 3}v${ROW - 6}` : '')).join('');
      svg.append(el('path', { d, stroke: 'var(--mark)', 'stroke-width': thick }));
      row += ROW;
    });
    row += 4;
  });
  svg.append(el('g', { id: 'over' }));
  curve.replaceChildren(svg);
  drawing = { order, rank, left, right, slot, first, last, height, bottom, x, y, held, r, blocks, cut, top: TOP, head: HEAD, row: ROW, what };
  curve.setAttribute('aria-valuemin', 1);
  curve.setAttribute('aria-valuemax', Math.max(1, order.length));
};

/** The current, the pinned and the pointed-at specification on the curve. */
const drawOver = (state) => {
  const over = byId('over'); // none where nothing is drawn
  if (!over) return;
  const { rank, first, last, x, held, height, top, bottom, head, row, r } = drawing;
  over.replaceChildren();
  const line = (i, colour, dash, width) => {
    const at = rank.get(i);
    if (at === undefined || at < first || at >= last) return null;
    over.append(el('line', { x1: x(at), x2: x(at), y1: top - 4, y2: height, stroke: colour, 'stroke-width': width, 'stroke-dasharray': dash }));
    let up = bottom + 8;
    drawing.blocks.forEach((block) => {
      up += head;
      block.rows.forEach(([, holds]) => {
        if (holds(specs[i])) over.append(el('rect', { x: x(at) - 2, y: up + 2, width: 4, height: row - 4, fill: colour }));
        up += row;
      });
      up += 4;
    });
    return [x(at), held(value(specs[i], drawing.what)[0])];
  };
  const label = (at, text, colour, above) => {
    const half = widthOf(text, 11.5, 700) / 2;
    const px = Math.min(Math.max(at, drawing.left + half), drawing.right - half);
    over.append(el('text', { x: px, y: above, 'text-anchor': 'middle', 'font-weight': 700, 'font-size': 11.5, style: 'fill:' + colour, stroke: 'var(--paper)', 'stroke-width': 3, 'paint-order': 'stroke' }, text));
    return [px - half - 4, px + half + 4];
  };
  if (state.cursor !== null && state.cursor !== state.current) line(state.cursor, 'var(--soft)', 'none', 1);
  const size = Math.max(r, 4) + 2.5;
  let taken = null;
  if (state.pinned !== state.current) {
    const at = line(state.pinned, 'var(--pin)', '4 3', 1.2);
    if (at) {
      over.append(el('path', { d: `M${at[0]} ${at[1] - size}l${size} ${size}l${-size} ${size}l${-size} ${-size}z`, fill: 'var(--pin)', stroke: 'var(--paper)', 'stroke-width': 1.5 }));
      taken = label(at[0], 'pinned', 'var(--pin-text)', top - 10);
    }
  }
  const at = line(state.current, 'var(--blue)', 'none', 1.6);
  if (at) {
    over.append(el('circle', { cx: at[0], cy: at[1], r: size - 0.5, fill: 'var(--paper)', stroke: 'var(--blue)', 'stroke-width': 3 }));
    const text = state.pinned === state.current ? 'current, pinned' : 'current', half = widthOf(text, 11.5, 700) / 2 + 4;
    const hides = taken && at[0] + half > taken[0] && at[0] - half < taken[1];
    label(hides ? (at[0] < (taken[0] + taken[1]) / 2 && taken[0] - half > drawing.left + half ? taken[0] - half : taken[1] + half > drawing.right - half ? taken[0] - half : taken[1] + half) : at[0], text, 'var(--blue-text)', top - 10);
  }
};

/** What a pointer on a specification tells, as lines. */
const told = (i, what) => {
  const spec = specs[i], v = value(spec, what), rank = drawing.rank.get(i);
  const lines = [
    (what ? levels[what - 1].label + ': ' : '') + number(v[0], what) + (what ? '' : points) + ' ' + range(v, what),
    'Rank ' + thousands(rank + 1) + ' of ' + thousands(drawing.order.length) + '; ' + pText(spec.e[4]) + (data.joint && isNumber(spec.q) ? '; family-wise ' + pText(spec.q) : ''),
    spec.f,
    varied.map((c) => choices[c].label + ': ' + option(c, spec.o[c])).join('; '),
    counts(spec).map(([name, text]) => text + ' ' + name.toLowerCase()).join(', '),
  ];
  if (spec.p !== null) lines.push(spec.p ? 'Planned' : 'Exploratory');
  return lines;
};
const counts = (spec) => [['Sessions', thousands(spec.n)], ['Users', thousands(spec.u)], ['Cells', thousands(spec.k)]]
  .concat(isNumber(spec.v) ? [['In cells with overlap', (100 * spec.v).toFixed(1) + '%']] : []);
