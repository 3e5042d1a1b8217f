
// the state, what changes it, and what follows

const state = { current: data.baseline, pinned: data.baseline, number: 0, plan: 'all', zoom: 0, reverse: false, cursor: null };
const sort = { column: 0, sign: 1 };
const tip = byId('tip');

/** The state as the part of the address after #, and back. */
const writeAddress = () => {
  const parts = ['spec=' + specs[state.current].id, 'pin=' + specs[state.pinned].id];
  if (state.number) parts.push('show=' + encodeURIComponent(levels[state.number - 1].name));
  if (state.plan !== 'all') parts.push('plan=' + state.plan);
  const address = '#' + parts.join('&');
  // some browsers refuse it for files; the page works without
  try { if (location.hash !== address) history.replaceState(null, '', address); } catch { /* the address stays */ }
};
const readAddress = () => {
  const parts = new URLSearchParams(location.hash.slice(1));
  const unknown = ['spec', 'pin'].filter((key) => parts.has(key) && !named.has(parts.get(key)));
  state.current = named.get(parts.get('spec')) ?? data.baseline;
  state.pinned = named.get(parts.get('pin')) ?? data.baseline;
  state.number = Math.max(0, levels.findIndex((level) => level.name === parts.get('show')) + 1);
  state.plan = byId('plan') && ['planned', 'exploratory'].includes(parts.get('plan')) ? parts.get('plan') : 'all';
  if (unknown.length) say('The address names a specification that is not in this grid; the baseline is shown.');
};

const say = (text) => {
  byId('jumped').textContent = text;
  byId('jumped').hidden = !text;
};
let spoken = 0;
/** Tells those who listen what the page shows now, once the last change is made. */
const announce = () => {
  clearTimeout(spoken);
  spoken = setTimeout(() => {
    const spec = specs[state.current], d = state.pinned === state.current || !done(spec) ? null : differenceOf(0, state.current, state.pinned);
    byId('live').textContent = (byId('jumped').hidden ? '' : byId('jumped').textContent + ' ')
      + (done(spec) ? 'Effect ' + number(spec.e[0], 0) + points + ' ' + range(spec.e, 0) + ', ' + pText(spec.e[4]) + '.' : 'No estimate: ' + spec.x + '.')
      + (d ? ' Less the pinned one ' + differenceText(d) + '.' : '');
  }, 120);
};

// choices
const form = byId('choices');
const inputs = choices.map(() => []);
const buildChoices = () => {
  const group = (heading, members) => {
    if (!members.length) return;
    form.append(tag('p', { class: 'kind' }, heading));
    members.forEach((c) => {
      const options = tag('div', { class: 'options' });
      choices[c].options.forEach((label, o) => {
        const input = tag('input', { type: 'radio', name: 'choice-' + c, value: o });
        input.disabled = !used[c][o];
        input.addEventListener('change', () => take(c, o));
        inputs[c][o] = input;
        options.append(tag('label', {}, input, label, tag('span', { class: 'jump', hidden: '' }, ' ↷')));
      });
      const field = tag('fieldset', {}, tag('legend', {}, choices[c].label), options);
      field.addEventListener('keydown', (event) => stepOption(event, c));
      form.append(field);
    });
  };
  group('Controls', varied.filter((c) => choices[c].control));
  group('Data and estimation', varied.filter((c) => !choices[c].control));
  const same = choices.map((_, c) => c).filter((c) => !varied.includes(c));
  if (same.length) form.append(tag('p', { class: 'only' }, 'The same in all: ' + same.map((c) => choices[c].label + ': ' + option(c, specs[0].o[c])).join('; ')));
};
/** Arrow keys in a group take the next option that is used. */
const stepOption = (event, c) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const open = inputs[c].filter((input) => !input.disabled), at = open.indexOf(event.target);
  const next = open[(at + step + open.length) % open.length];
  next.focus();
  next.click();
};
/** Takes an option: the specification with all else the same, or the nearest that the grid has. */
const take = (c, o) => {
  const wanted = specs[state.current].o.slice();
  wanted[c] = o;
  const exact = place.get(wanted.join());
  if (exact !== undefined) { choose(exact); return; }
  const i = nearest(wanted, c, o);
  const also = choices.map((_, k) => k).filter((k) => k !== c && specs[i].o[k] !== wanted[k]);
  choose(i, 'The grid has no “' + choices[c].label + ': ' + option(c, o) + '” with the other choices as they were. Changed too: ' + also.map((k) => change(k, wanted[k], specs[i].o[k])).join('; ') + '.');
};
const markChoices = () => {
  const now = specs[state.current].o, fixed = specs[state.pinned].o;
  let jumps = false;
  varied.forEach((c) => inputs[c].forEach((input, o) => {
    input.checked = now[c] === o;
    const wanted = now.slice();
    wanted[c] = o;
    const jump = !input.disabled && !place.has(wanted.join());
    jumps = jumps || jump;
    const label = input.parentElement;
    label.lastChild.hidden = !jump;
    label.classList.toggle('pinned', fixed[c] === o && state.pinned !== state.current);
    // what the option would give, to choose by
    const other = jump || input.disabled ? undefined : specs[place.get(wanted.join())];
    label.title = other ? (done(other) ? 'Effect ' + number(other.e[0], 0) + points + ' ' + range(other.e, 0) : 'No estimate: ' + other.x) : jump ? 'Not in the grid with the other choices as they are: the nearest specification is taken' : input.disabled ? 'No specification has it' : '';
  }));
  byId('jump-key').hidden = !jumps;
};

// what follows from a change
const update = () => {
  drawOver(state);
  markChoices();
  writeHeadline(state);
  writeNumbers(state);
  drawRates(byId('rates'), state.current, state.pinned);
  writeDetails(state);
  writeSteps(state);
  markTable(state);
  byId('pin').disabled = state.pinned === state.current;
  byId('to-pinned').disabled = state.pinned === state.current;
  byId('to-baseline').disabled = state.current === data.baseline && state.pinned === data.baseline;
  const at = drawing.rank.get(state.cursor ?? state.current);
  curve.setAttribute('aria-valuenow', at === undefined ? 1 : at + 1);
  curve.setAttribute('aria-valuetext', at === undefined ? 'the current specification is not on the curve' : told(state.cursor ?? state.current, state.number).join('. '));
};
const redraw = () => {
  drawCurve(state);
  const lacking = specs.filter((spec) => done(spec) && matchesPlan(spec, state.plan)).length - drawing.order.length;
  const failed = specs.filter((spec) => !done(spec) && matchesPlan(spec, state.plan)).length;
  const count = drawing.order.filter((i) => significant(specs[i])).length;
  byId('curve-words').textContent = thousands(drawing.order.length) + ' specifications from the smallest to the largest of ' + shown[state.number].label + (data.share ? (state.number ? ', percent' : ', percentage points') : '')
    + (state.number ? '' : '; ' + thousands(count) + ' have p below ' + data.alpha) + (lacking ? '; ' + thousands(lacking) + ' have no such rate' : '') + (failed ? '; ' + thousands(failed) + ' without an estimate are listed below' : '')
    + (drawing.last - drawing.first < drawing.order.length ? '. Drawn: rank ' + thousands(drawing.first + 1) + ' to ' + thousands(drawing.last) : '') + '.' + (drawing.cut ? ' Whiskers that leave the picture are cut.' : '');
  // colours of tests are for the effect only
  [...byId('curve-key').children].slice(0, 2).forEach((one) => { one.hidden = state.number > 0; });
  writeOptions(state.plan);
  if (!byId('table-box').hidden) writeTable(state, sort);
  update();
};
const choose = (i, text) => {
  state.current = i;
  state.cursor = null;
  say(text || '');
  writeAddress();
  if (state.zoom) redraw(); else update();
  announce();
};
const pin = (i) => {
  state.pinned = i;
  writeAddress();
  if (!byId('table-box').hidden) writeTable(state, sort);
  update();
  announce();
};

// the curve by pointer and keyboard
const hideTip = () => { tip.hidden = true; };
const showTip = (i, px, py) => {
  const [first, ...rest] = told(i, state.number);
  tip.replaceChildren(tag('b', {}, first), ...rest.flatMap((text) => [tag('br', {}), text]));
  tip.hidden = false;
  const own = tip.getBoundingClientRect();
  tip.style.left = Math.min(Math.max(6, px - own.width / 2), innerWidth - own.width - 6) + 'px';
  tip.style.top = (py - own.height - 14 > 4 ? py - own.height - 14 : Math.min(py + 20, innerHeight - own.height - 4)) + 'px';
};
const pointed = (event) => {
  const at = drawing.first + Math.floor((event.clientX - curve.getBoundingClientRect().left - drawing.left) / drawing.slot);
  return at >= drawing.first && at < drawing.last ? drawing.order[at] : null;
};
const moveCursor = (i) => {
  if (state.cursor === i) return;
  state.cursor = i;
  drawOver(state);
};
curve.addEventListener('pointermove', (event) => {
  const i = pointed(event);
  moveCursor(i);
  if (i === null) hideTip(); else showTip(i, event.clientX, event.clientY);
});
curve.addEventListener('pointerleave', () => { moveCursor(null); hideTip(); });
curve.addEventListener('click', (event) => { const i = pointed(event); if (i !== null) choose(i); });
curve.addEventListener('blur', () => { moveCursor(null); hideTip(); });
curve.addEventListener('keydown', (event) => {
  const { order, rank, first, last } = drawing, page = Math.max(1, Math.round(order.length / 20));
  if (event.key === 'Escape') { moveCursor(null); hideTip(); return; }
  if ((event.key === 'Enter' || event.key === ' ') && state.cursor !== null) { event.preventDefault(); choose(state.cursor); hideTip(); return; }
  const at = rank.get(state.cursor ?? state.current) ?? 0;
  const next = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, PageUp: at + page, PageDown: at - page, Home: 0, End: order.length - 1 }[event.key];
  if (next === undefined || !order.length) return;
  event.preventDefault();
  const to = Math.min(Math.max(next, first), last - 1), i = order[to];
  moveCursor(i);
  const box = curve.getBoundingClientRect();
  showTip(i, box.left + drawing.x(to), box.top + drawing.y(value(specs[i], state.number)[0]));
  curve.setAttribute('aria-valuenow', to + 1);
  curve.setAttribute('aria-valuetext', told(i, state.number).join('. '));
});
addEventListener('scroll', hideTip, { passive: true });

// buttons and lists
byId('pin').addEventListener('click', () => pin(state.current));
byId('to-pinned').addEventListener('click', () => choose(state.pinned));
byId('to-baseline').addEventListener('click', () => { state.pinned = data.baseline; choose(data.baseline); if (!byId('table-box').hidden) { writeTable(state, sort); markTable(state); } });
byId('copy').addEventListener('click', async () => {
  const text = specs[state.current].c;
  let good = false;
  try { await navigator.clipboard.writeText(text); good = true; } catch {
    // without the permission, by a selection
    const area = tag('textarea', { class: 'unseen', readonly: '' });
    area.value = text;
    document.body.append(area);
    area.select();
    try { good = document.execCommand('copy'); } catch { good = false; }
    area.remove();
    byId('copy').focus();
  }
  if (!good) getSelection().selectAllChildren(byId('command'));
  byId('copied').textContent = good ? 'Copied.' : 'The browser does not let a page copy: the command is marked, copy it with your keyboard.';
});
const select = (id, act) => { const node = byId(id); if (node) node.addEventListener('change', () => { act(node.value); writeAddress(); redraw(); }); };
byId('number').append(...shown.map((one, k) => tag('option', { value: k }, one.label)));
select('number', (k) => { state.number = Number(k); });
select('plan', (plan) => { state.plan = plan; });
select('zoom', (zoom) => { state.zoom = Number(zoom); });
byId('reverse').addEventListener('change', () => { state.reverse = byId('reverse').checked; writeSteps(state); });
byId('table-button').addEventListener('click', () => {
  const box = byId('table-box'), open = box.hidden;
  box.hidden = !open;
  byId('table-button').setAttribute('aria-expanded', String(open));
  byId('table-button').textContent = open ? 'Hide the table' : 'Show the curve as a table';
  if (open) { writeTable(state, sort); markTable(state); } else box.replaceChildren();
});
byId('table-box').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.sort === undefined) { choose(Number(button.closest('tr').dataset.spec)); return; }
  const column = Number(button.dataset.sort);
  sort.sign = sort.column === column ? -sort.sign : 1;
  sort.column = column;
  writeTable(state, sort);
  markTable(state);
  byId('table-box').querySelector('[data-sort="' + column + '"]').focus();
});
const haystack = specs.map((spec) => (spec.id + ' ' + spec.f + ' ' + spec.o.map((o, c) => choices[c].label + ' ' + option(c, o)).join(' ')).toLowerCase());
const search = () => {
  const words = byId('query').value.toLowerCase().split(/\s+/).filter(Boolean), list = byId('found');
  const found = words.length ? specs.map((_, i) => i).filter((i) => words.every((word) => haystack[i].includes(word))) : [];
  byId('found-count').textContent = !words.length ? '' : !found.length ? 'No specification has all these words.' : thousands(found.length) + (found.length === 1 ? ' specification' : ' specifications') + (found.length > 8 ? '; the first 8:' : ':');
  list.replaceChildren(...found.slice(0, 8).map((i) => {
    const button = tag('button', { type: 'button' }, specs[i].id + (done(specs[i]) ? ': ' + number(specs[i].e[0], 0) + points + ' ' : ': no estimate ') + '— ' + varied.map((c) => option(c, specs[i].o[c])).join(', '));
    button.addEventListener('click', () => choose(i));
    return tag('li', {}, button);
  }));
  return found;
};
byId('query').addEventListener('input', search);
byId('search').addEventListener('submit', (event) => { event.preventDefault(); const [first] = search(); if (first !== undefined) choose(first); });
form.addEventListener('submit', (event) => event.preventDefault());

// start
buildChoices();
writeFailures((i) => { choose(i); byId('now').focus(); });
const fromAddress = () => {
  say('');
  readAddress();
  byId('number').value = state.number;
  if (byId('plan')) byId('plan').value = state.plan;
  redraw();
};
addEventListener('hashchange', () => { fromAddress(); announce(); });
if (innerWidth < 768) byId('choices-box').open = !location.hash;
const mark = (inside, text) => tag('span', {}, el('svg', { width: 16, height: 12, 'aria-hidden': 'true' }, ...inside), text);
byId('curve-key').append(
  mark([el('circle', { cx: 8, cy: 6, r: 4, fill: 'var(--blue)' })], 'p < ' + data.alpha),
  mark([el('circle', { cx: 8, cy: 6, r: 3.2, fill: 'var(--paper)', stroke: 'var(--grey)', 'stroke-width': 1.6 })], 'not so'),
  mark([el('circle', { cx: 8, cy: 6, r: 4, fill: 'var(--paper)', stroke: 'var(--blue)', 'stroke-width': 3 })], 'current'),
  mark([el('path', { d: 'M8 0l6 6l-6 6l-6 -6z', fill: 'var(--pin)' })], 'pinned'),
  tag('span', {}, 'whiskers: intervals of each specification alone'));
fromAddress();
let drawnWidth = document.documentElement.clientWidth, waiting = 0;
addEventListener('resize', () => {
  if (document.documentElement.clientWidth === drawnWidth) return;
  drawnWidth = document.documentElement.clientWidth;
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(redraw);
});
if ('IntersectionObserver' in window) new IntersectionObserver(([seen]) => { byId('mini').hidden = seen.isIntersecting; }).observe(byId('headline'));
// the errors of all pairs are unpacked once the page is drawn
const ready = () => {
  document.documentElement.dataset.ready = 'true';
  if (!byId('table-box').hidden) { writeTable(state, sort); markTable(state); }
  update();
};
requestAnimationFrame(() => setTimeout(() => unpackAll().catch((error) => { pairsFailed = 'The errors between any two specifications could not be read: ' + error.message; }).then(ready), 0));
})();
