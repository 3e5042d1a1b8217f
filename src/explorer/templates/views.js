
// the current specification in words and tables, the steps to it, and the lists

/** A table row of cells: texts, nodes, or [text, attributes]. */
const rowOf = (first, cells) => {
  const row = tag('tr', {});
  if (first !== null) row.append(tag('th', { scope: 'row' }, first));
  cells.forEach((cell) => row.append(Array.isArray(cell) ? tag('td', cell[1], cell[0]) : tag('td', {}, cell)));
  return row;
};
const headOf = (names) => tag('thead', {}, tag('tr', {}, ...names.map((name, i) => tag('th', { scope: 'col', class: i ? null : 'words' }, name))));
const differenceText = (d) => difference(d[0]) + points + ' (standard error ' + errorText(d[1]) + ')';

const writeHeadline = (state) => {
  const spec = specs[state.current], box = byId('headline');
  // small screens repeat the result below the choices
  const less = state.pinned === state.current || !done(spec) ? null : differenceOf(0, state.current, state.pinned);
  byId('mini').textContent = !done(spec) ? 'No estimate' : 'Effect ' + number(spec.e[0], 0) + points + ' ' + range(spec.e, 0) + (less ? '; less pinned ' + difference(less[0]) + ' (' + errorText(less[1]) + ')' : '');
  box.replaceChildren();
  byId('badge').className = spec.p === null ? '' : spec.p ? 'planned' : 'exploratory';
  byId('badge').textContent = spec.p === null ? '' : spec.p ? 'Planned' : 'Exploratory';
  if (!done(spec)) {
    box.append(tag('p', { class: 'notice' }, 'No estimate: ' + spec.x));
    return;
  }
  box.append(tag('p', {}, 'Effect ', tag('strong', { class: 'is-now', id: 'effect-now' }, number(spec.e[0], 0) + points), ' ' + range(spec.e, 0) + ', standard error ' + errorText(spec.e[1]) + '; ' + pText(spec.e[4])
    + (data.joint && isNumber(spec.q) ? ', family-wise ' + pText(spec.q) : '')));
  if (state.pinned === state.current) {
    box.append(tag('p', { class: 'is-pin' }, (state.current === data.baseline ? 'This is the baseline' : 'This specification is pinned') + '; change a choice to see the difference from it.'));
    return;
  }
  const name = state.pinned === data.baseline ? 'the baseline' : 'the pinned ' + specs[state.pinned].id;
  const d = differenceOf(0, state.current, state.pinned);
  box.append(tag('p', {}, tag('span', { class: 'is-pin' }, 'Less ' + name + ': '), d ? tag('strong', { id: 'difference-now' }, difference(d[0]) + points) : 'not known, it has no estimate',
    d ? ' ' + range(d, 0) + ', standard error of the difference ' + errorText(d[1]) + (state.pinned === data.baseline && spec.d && isNumber(spec.d[4]) ? '; ' + pText(spec.d[4]) : '') : ''));
};

/** Effect and rates of the current and the pinned specification, with the differences between them. */
const writeNumbers = (state) => {
  const table = byId('numbers'), spec = specs[state.current], other = specs[state.pinned], same = state.pinned === state.current;
  // on a narrow screen the intervals stand below their numbers
  const narrow = byId('main').clientWidth < 560;
  const pair = (text, interval) => (narrow ? [tag('span', {}, text, tag('span', { class: 'under' }, interval))] : [text, interval]);
  const head = narrow ? ['', 'Current', 'Pinned', 'Difference (error)'] : ['', 'Current', 'Interval', 'Pinned', 'Difference', 'Error', 'Interval'];
  const line = (what, name) => {
    const v = value(spec, what), o = value(other, what), d = same ? null : differenceOf(what, state.current, state.pinned);
    const error = d ? errorText(d[1]) : '–', far = d ? difference(d[0]) + (narrow ? ' (' + error + ')' : '') : '–', span = d ? range(d, 0) : '';
    return rowOf(name, [...pair(v ? number(v[0], what) : '–', v ? range(v, what) : ''), o ? number(o[0], what) : '–', ...(narrow ? pair(far, span) : [far, error, span])]);
  };
  table.classList.toggle('narrow', narrow);
  const rates = tag('tbody', {});
  shownLevels([spec, other]).forEach((k) => rates.append(line(k + 1, levels[k].label)));
  table.replaceChildren(tag('caption', {}, 'Adjusted rates' + (data.share ? ' and differences in percentage points' : '')), headOf(head), ...(rates.children.length ? [rates] : []), tag('tbody', {}, line(0, 'Effect')));
  const lacks = !same && done(spec) && done(other) && !isNumber(differenceOf(0, state.current, state.pinned)[1]);
  byId('pair-note').textContent = pairsFailed || (lacks || (!same && levels.some((level, k) => { const d = differenceOf(k + 1, state.current, state.pinned); return d && !isNumber(d[1]); }))
    ? 'A dash: this file does not hold the error of that difference; pin the baseline to see those from it.' : '');
};

const writeDetails = (state) => {
  const spec = specs[state.current], list = byId('details');
  const rank = drawing.rank.get(state.current);
  const facts = (rank === undefined ? [] : [['Rank', thousands(rank + 1) + ' of ' + thousands(drawing.order.length)]]).concat(done(spec) ? counts(spec) : [], isNumber(spec.h) ? [['Contrasts as in the baseline', pText(spec.h) + ' (Hausman)']] : [], [['Identifier', spec.id]]);
  list.replaceChildren(...facts.map(([name, text]) => tag('div', {}, tag('dt', {}, name), tag('dd', {}, text))));
  byId('warnings').replaceChildren(...(spec.w || []).map((text) => tag('li', {}, text)));
  byId('formula').textContent = spec.f;
  byId('command').textContent = spec.c;
  byId('copied').textContent = '';
};

/** One choice after the other from the pinned to the current specification: the longest way whose stops all have an
 *  estimate, and of those the one that changes the choices in their order. */
const stepsBetween = (from, to, what, reverse) => {
  let changed = choices.map((_, c) => c).filter((c) => specs[from].o[c] !== specs[to].o[c]);
  if (reverse) changed = changed.reverse();
  const m = changed.length, all = 2 ** m - 1;
  const stop = (mask) => {
    const o = specs[from].o.slice();
    changed.forEach((c, k) => { if (mask >> k & 1) o[c] = specs[to].o[c]; });
    const i = place.get(o.join());
    return i !== undefined && value(specs[i], what) ? i : null;
  };
  if (m > 12) {
    // too many orders to look at: the choices in their order, stopping wherever there is an estimate
    const way = [], o = specs[from].o.slice();
    let set = [], last = from;
    changed.forEach((c) => {
      o[c] = specs[to].o[c];
      set.push(c);
      const i = place.get(o.join());
      if (i !== undefined && value(specs[i], what)) { way.push({ set, from: last, to: i }); set = []; last = i; }
    });
    return way;
  }
  const stops = new Map();
  for (let mask = 0; mask <= all; mask++) { const i = stop(mask); if (i !== null) stops.set(mask, i); }
  // most stops on the way to the end, from every mask downwards
  const best = new Map([[all, [0, null]]]);
  for (let mask = all - 1; mask >= 0; mask--) {
    if (!stops.has(mask)) continue;
    let most = -1, next = null;
    const free = all & ~mask;
    const through = (subset) => {
      const after = best.get(mask | subset);
      if (after && after[0] + 1 > most) { most = after[0] + 1; next = mask | subset; }
    };
    // single changes first, in order; then several at once
    for (let k = 0; k < m; k++) if (free >> k & 1) through(1 << k);
    for (let subset = free; subset > 0; subset = (subset - 1) & free) if (subset & (subset - 1)) through(subset);
    if (next !== null) best.set(mask, [most, next]);
  }
  const way = [];
  for (let mask = 0; mask !== all;) {
    const next = best.get(mask)[1];
    way.push({ set: changed.filter((_, k) => (next & ~mask) >> k & 1), from: stops.get(mask), to: stops.get(next) });
    mask = next;
  }
  return way;
};

const writeSteps = (state) => {
  const table = byId('steps'), words = byId('steps-words'), what = state.number, a = state.pinned, b = state.current;
  table.replaceChildren();
  if (a === b) { words.textContent = 'The current specification is the pinned one: change a choice, or pin another.'; return; }
  if (!value(specs[a], what) || !value(specs[b], what)) { words.textContent = 'One of the two has no such estimate, so there is nothing to divide into steps.'; return; }
  const way = stepsBetween(a, b, what, state.reverse), together = way.filter((step) => step.set.length > 1).length;
  words.textContent = 'What ' + shown[what].label + ' does when one choice after the other is changed. The size of a step depends on the order.'
    + (together ? ' Choices in one step changed together: the specifications between have no estimate or are not in the grid.' : '');
  const steps = way.map((step) => ({ ...step, d: differenceOf(what, step.to, step.from) }));
  if (steps.some(({ d }) => !isNumber(d[1]))) words.textContent += ' A dash: this file does not hold the error of that difference.';
  const at = (i) => value(specs[i], what)[0];
  const [low, high] = extent([at(a), at(b), ...steps.flatMap(({ d, to, from }) => [at(to), at(from), isNumber(d[2]) ? at(from) + d[2] : null, isNumber(d[3]) ? at(from) + d[3] : null])]);
  const WIDTH = 400, HEIGHT = 26, x = scale(low, high, 6, WIDTH - 6);
  const bar = (...children) => [el('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: '100%', height: HEIGHT, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, ...children), { class: 'fill' }];
  const end = (i, colour) => bar(el('rect', { x: x(at(i)) - 3, y: 3, width: 6, height: HEIGHT - 6, fill: colour }));
  const body = tag('tbody', {});
  body.append(rowOf(tag('span', { class: 'is-pin' }, 'Pinned'), [number(at(a), what), '', '', end(a, 'var(--pin)')]));
  steps.forEach(({ set, from, to, d }) => {
    const start = x(at(from)), stop = x(at(to)), colour = d[0] < 0 ? 'var(--grey)' : 'var(--blue)';
    const marks = [el('line', { x1: start, x2: start, y1: 0, y2: HEIGHT, stroke: 'var(--line)', 'stroke-width': 1 }),
      el('rect', { x: Math.min(start, stop), y: 6, width: Math.max(1, Math.abs(stop - start)), height: HEIGHT - 12, fill: colour, opacity: 0.75 })];
    if (isNumber(d[2])) marks.push(el('path', { d: `M${x(at(from) + d[2])} ${HEIGHT / 2}H${x(at(from) + d[3])}`, stroke: 'var(--ink)', 'stroke-width': 1.6 }));
    const text = set.map((c) => change(c, specs[from].o[c], specs[to].o[c])).join('; ');
    body.append(rowOf(text, [number(at(to), what), difference(d[0]), errorText(d[1]), bar(...marks)]));
  });
  const whole = differenceOf(what, b, a);
  body.append(rowOf(tag('span', { class: 'is-now' }, 'Current'), [number(at(b), what), difference(whole[0]), errorText(whole[1]), end(b, 'var(--blue)')]));
  table.append(headOf(['Step', what ? 'Rate' : 'Effect', 'Difference', 'Its error', '']), body);
};

/** How the effect differs by option. */
const writeOptions = (plan) => {
  const body = tag('tbody', {}), order = sortedBy(0, plan);
  varied.forEach((c) => choices[c].options.forEach((label, o) => {
    const own = order.filter((i) => specs[i].o[c] === o);
    if (!own.length) return;
    const at = (k) => specs[own[k]].e[0], n = own.length;
    const middle = (at(Math.floor((n - 1) / 2)) + at(Math.floor(n / 2))) / 2;
    body.append(rowOf(choices[c].label + ': ' + label, [thousands(n), number(at(0), 0), number(middle, 0), number(at(n - 1), 0), (100 * own.filter((i) => significant(specs[i])).length / n).toFixed(0) + '%']));
  }));
  byId('options').replaceChildren(tag('caption', {}, 'Effect' + (data.share ? ', percentage points' : '')), headOf(['', 'Number', 'Smallest', 'Median', 'Largest', 'p < ' + data.alpha]), body);
};

/** The curve as a table; a click on a head sorts it, one on an identifier chooses. */
const writeTable = (state, sort) => {
  const what = state.number, shownPlan = specs.some((spec) => spec.p !== null);
  const differs = new Map(drawing.order.map((i) => [i, state.pinned === i ? null : differenceOf(what, i, state.pinned)]));
  const at = (v, k) => (v && isNumber(v[k]) ? v[k] : -Infinity);
  const columns = [
    ['Rank', (i) => drawing.rank.get(i), (i) => thousands(drawing.rank.get(i) + 1)],
    ...(shownPlan ? [['Plan', (i) => (specs[i].p ? 0 : 1), (i) => (specs[i].p ? 'planned' : 'exploratory'), 'words']] : []),
    [what ? 'Rate' : 'Effect', (i) => value(specs[i], what)[0], (i) => number(value(specs[i], what)[0], what)],
    ['Error', (i) => at(value(specs[i], what), 1), (i) => errorText(value(specs[i], what)[1])],
    ['Interval', (i) => at(value(specs[i], what), 2), (i) => range(value(specs[i], what), what)],
    [what ? 'p (effect)' : 'p', (i) => at(specs[i].e, 4), (i) => pShort(specs[i].e[4])],
    ...(data.joint ? [['Family-wise p', (i) => specs[i].q ?? 2, (i) => pShort(specs[i].q)]] : []),
    ['Less pinned', (i) => at(differs.get(i), 0), (i) => (differs.get(i) ? difference(differs.get(i)[0]) : 'pinned')],
    ['Its error', (i) => at(differs.get(i), 1), (i) => (differs.get(i) ? errorText(differs.get(i)[1]) : '')],
    ['Sessions', (i) => specs[i].n, (i) => thousands(specs[i].n)],
    ['Users', (i) => specs[i].u, (i) => thousands(specs[i].u)],
    ['Cells', (i) => specs[i].k, (i) => thousands(specs[i].k)],
    ['Overlap', (i) => specs[i].v ?? -1, (i) => (isNumber(specs[i].v) ? (100 * specs[i].v).toFixed(1) + '%' : '–')],
    ...varied.map((c) => [choices[c].label, (i) => specs[i].o[c], (i) => option(c, specs[i].o[c]), 'words']),
  ];
  const key = columns[Math.min(sort.column, columns.length - 1)][1];
  const rows = drawing.order.slice().sort((a, b) => sort.sign * (key(a) - key(b)) || drawing.rank.get(a) - drawing.rank.get(b));
  const head = tag('tr', {}, tag('th', { scope: 'col', class: 'words' }, 'Specification'), ...columns.map(([name, , , kind], k) =>
    tag('th', { scope: 'col', class: kind || null, 'aria-sort': k === sort.column ? (sort.sign > 0 ? 'ascending' : 'descending') : null }, tag('button', { type: 'button', 'data-sort': k }, name))));
  const body = tag('tbody', {});
  rows.forEach((i) => {
    const row = tag('tr', { 'data-spec': i }, tag('th', { scope: 'row' }, tag('button', { type: 'button' }, specs[i].id)));
    columns.forEach(([, , text, kind]) => row.append(tag('td', kind ? { class: kind } : {}, text(i))));
    body.append(row);
  });
  byId('table-box').replaceChildren(tag('table', {}, tag('thead', {}, head), body));
};
const markTable = (state) => byId('table-box').querySelectorAll('tbody tr').forEach((row) => {
  const i = Number(row.dataset.spec);
  if (i === state.current) row.setAttribute('aria-current', 'true'); else row.removeAttribute('aria-current');
  row.classList.toggle('is-pinned', i === state.pinned);
});

/** What failed, by reason. */
const writeFailures = (choose) => {
  const box = byId('failures');
  if (!box) return;
  const reasons = new Map();
  specs.forEach((spec, i) => { if (!done(spec)) reasons.set(spec.x, (reasons.get(spec.x) || []).concat(i)); });
  box.append(...[...reasons].sort((a, b) => b[1].length - a[1].length).map(([reason, own]) => {
    const list = tag('ul', {});
    const details = tag('details', {}, tag('summary', {}, thousands(own.length) + ': ' + reason), list);
    details.addEventListener('toggle', () => {
      if (list.children.length) return;
      own.forEach((i) => {
        const button = tag('button', { type: 'button' }, specs[i].id);
        button.addEventListener('click', () => choose(i));
        list.append(tag('li', {}, button, ' ', tag('code', {}, specs[i].f), ' ', tag('span', { class: 'soft' }, varied.map((c) => option(c, specs[i].o[c])).join('; '))));
      });
    });
    return details;
  }));
};
