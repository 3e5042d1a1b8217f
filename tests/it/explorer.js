// What a reader does with the explorer; the verdict becomes the title, or goes to the page around it.
window.addEventListener('load', async () => {
  const wrong = [];
  const check = (what, good) => { if (!good) wrong.push(what); };
  const byId = (id) => document.getElementById(id);
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];
  const key = (target, name) => target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
  // time passes for the page and for the threads that unpack
  const wait = async (ms) => {
    await new Response(new Blob(['x']).stream()).text();
    await new Promise((resolve) => setTimeout(resolve, ms));
  };
  const go = async (hash) => { location.hash = hash; await wait(30); };
  const parsed = (text) => Number(text.replace('−', '-').replace('+', '').replace('%', ''));
  const { pairs, failed, done, ids } = window.EXPECTED;
  try {
    for (let i = 0; i < 100 && !document.documentElement.dataset.ready; i++) await wait(50);
    check('ready', document.documentElement.dataset.ready);
    const narrow = byId('main').clientWidth < 560;
    byId('choices-box').open = true;

    // the keyboard changes a choice, and with it everything that is shown
    const before = [byId('effect-now').textContent, byId('numbers').textContent, byId('formula').textContent, location.hash];
    const first = all('#choices fieldset')[0].querySelector('input:checked');
    first.focus();
    key(first, 'ArrowRight');
    check('focus moved to the option', document.activeElement.type === 'radio' && document.activeElement.checked && document.activeElement !== first);
    const after = [byId('effect-now').textContent, byId('numbers').textContent, byId('formula').textContent, location.hash];
    before.forEach((text, i) => check('a choice changes ' + i, text !== after[i]));
    check('difference from the baseline', /\d/.test(byId('difference-now').textContent) && byId('headline').textContent.includes('Less the baseline'));
    await wait(200);
    check('announced', byId('live').textContent.includes(byId('effect-now').textContent));
    check('address', location.hash.includes('spec=') && location.hash.includes('pin='));

    // pinning
    byId('pin').click();
    check('pinned', !byId('difference-now') && byId('headline').textContent.includes('is pinned') && byId('pin').disabled);
    key(document.activeElement.type === 'radio' ? document.activeElement : first, 'ArrowLeft');
    check('less the pinned', byId('headline').textContent.includes('Less the pinned'));
    byId('to-baseline').click();
    check('back at the baseline', byId('headline').textContent.includes('This is the baseline'));

    // errors of differences are those of the covariance, between any two
    for (const pair of pairs) {
      await go('spec=' + pair.to + '&pin=' + pair.from);
      const rows = all('#numbers tbody tr');
      check('rows of numbers', rows.length === pair.errors.length);
      rows.forEach((row, i) => {
        const cells = all('td', row).map((cell) => cell.firstChild.firstChild ? cell.firstChild.firstChild.textContent : cell.textContent);
        const error = narrow ? parsed(/\((.*)\)/.exec(cells[2])[1]) : parsed(cells[4]);
        const change = narrow ? parsed(cells[2].replace(/ .*/, '')) : parsed(cells[3]);
        check(`error ${pair.to} ${pair.from} ${i}: ${error}`, Math.abs(error - pair.errors[i]) <= 0.00501 + 2e-5 * pair.errors[i]);
        check(`difference ${pair.to} ${pair.from} ${i}: ${change}`, Math.abs(change - pair.differences[i]) <= 0.00501);
      });
      // steps add up
      const steps = all('#steps tbody tr').slice(1, -1).map((row) => parsed(all('td', row)[1].textContent));
      check('steps', steps.length >= 1 && Math.abs(steps.reduce((a, b) => a + b, 0) - pair.differences[pair.differences.length - 1]) < 0.0051 * (steps.length + 1));
      check('errors of steps', all('#steps tbody tr').slice(1).every((row) => /\d/.test(all('td', row)[2].textContent)));
    }

    // what the grid lacks leads to the nearest specification, and is said
    byId('to-baseline').click();
    const jump = all('#choices label').find((label) => !label.querySelector('.jump').hidden);
    check('a jump is offered', jump);
    jump.querySelector('input').click();
    check('a jump is said', !byId('jumped').hidden && byId('jumped').textContent.includes('Changed too'));
    check('the option is taken', jump.querySelector('input').checked);

    // a failure is a specification too
    await go('spec=' + failed.id);
    check('failure said', byId('headline').textContent.includes(failed.reason));
    check('no numbers of a failure', !byId('effect-now') && all('#numbers tbody td:first-of-type').every((cell) => cell.textContent.startsWith('–')));
    await go('spec=nonsense');
    check('unknown address said', byId('jumped').textContent.includes('not in this grid'));

    // the curve by keyboard and pointer
    byId('to-baseline').click();
    const curve = byId('curve'), tip = byId('tip');
    curve.focus();
    check('focus on the curve', document.activeElement === curve);
    key(curve, 'Home');
    check('first tip', !tip.hidden && tip.textContent.includes('Rank 1 of') && tip.textContent.includes('~'));
    check('value for listeners', curve.getAttribute('aria-valuetext').includes('Rank 1 of') && curve.getAttribute('aria-valuenow') === '1');
    key(curve, 'ArrowRight');
    check('second tip', tip.textContent.includes('Rank 2 of'));
    key(curve, 'Enter');
    check('chosen by keyboard', byId('details').textContent.includes('2 of ' + done) && tip.hidden);
    key(curve, 'Escape');
    curve.scrollIntoView();
    const box = curve.getBoundingClientRect();
    const at = { clientX: Math.ceil(box.right - 11), clientY: box.top + 60, bubbles: true };
    curve.dispatchEvent(new PointerEvent('pointermove', at));
    check('tip of the pointer', !tip.hidden && tip.textContent.includes('Rank ' + done));
    const own = tip.getBoundingClientRect();
    check('tip on the screen', own.left >= 0 && own.right <= innerWidth && own.top >= 0 && own.bottom <= innerHeight);
    curve.dispatchEvent(new MouseEvent('click', at));
    check('chosen by pointer', byId('details').textContent.includes(done + ' of ' + done));

    // table, filter, number, range, search, copying
    byId('table-button').click();
    check('table', all('#table-box tbody tr').length === done && byId('table-button').getAttribute('aria-expanded') === 'true');
    check('current row', all('#table-box tr[aria-current]').length === 1);
    all('#table-box thead button').find((button) => button.textContent === 'Users').click();
    const users = all('#table-box tbody tr').map((row) => row.children).map((cells) => [...cells].map((cell) => cell.textContent));
    const column = all('#table-box thead th').findIndex((head) => head.getAttribute('aria-sort'));
    check('sorted', users.every((row, i) => !i || parsed(users[i - 1][column].replace(',', '')) <= parsed(row[column].replace(',', ''))));
    const change = (node, value) => { node.value = value; node.dispatchEvent(new Event('change')); };
    change(byId('plan'), 'planned');
    const planned = all('#table-box tbody tr').length;
    check('planned only', planned > 0 && planned < done && byId('table-box').textContent.indexOf('exploratory') < 0);
    change(byId('plan'), 'all');
    change(byId('number'), '1');
    check('rates on the curve', byId('curve-words').textContent.includes('the rate of') && all('#table-box tbody tr').length < done);
    change(byId('number'), '0');
    change(byId('zoom'), '50');
    check('range', byId('curve-words').textContent.includes('Drawn: rank'));
    change(byId('zoom'), '0');
    byId('table-button').click();
    check('table closed', byId('table-box').hidden);
    byId('query').value = ids[0].slice(0, 10);
    byId('query').dispatchEvent(new Event('input'));
    check('found', all('#found button').length === 1 && byId('found-count').textContent.startsWith('1 '));
    byId('search').dispatchEvent(new Event('submit', { cancelable: true }));
    check('search chooses', byId('details').textContent.includes(ids[0]));
    byId('copy').click();
    await wait(50);
    check('copying is answered', byId('copied').textContent.length > 3);

    // nothing is clipped, wider than the screen, out of reach, or too faint
    byId('query').value = '';
    byId('query').dispatchEvent(new Event('input'));
    await wait(400); // colours have changed
    check('no wider than the screen', document.documentElement.scrollWidth <= innerWidth + 1);
    all('main svg').forEach((svg) => {
      const outer = svg.getBoundingClientRect();
      all('text', svg).forEach((text) => {
        const inner = text.getBoundingClientRect();
        check('clipped: ' + text.textContent, inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1);
      });
    });
    ['numbers', 'steps', 'options'].forEach((id) => {
      const [own, room] = [byId(id).getBoundingClientRect().width, byId(id).parentElement.clientWidth];
      check(`table ${id} fits: ${own} in ${room}`, own <= room + 1);
    });
    all('button, select, input, summary, [tabindex="0"]').filter((node) => node.offsetParent && !node.disabled).forEach((node) => {
      node.focus();
      check('focus: ' + node.outerHTML.slice(0, 60), document.activeElement === node);
    });
    all('input, select').forEach((node) => check('label: ' + node.outerHTML.slice(0, 60), node.labels.length > 0));
    const luminance = (colour) => {
      const [r, g, b] = /rgba?\((.*)\)/.exec(colour)[1].split(',').map((x) => Number(x) / 255).map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (!/, 0\)$/.test(colour) && colour !== 'transparent') return colour;
      }
      return getComputedStyle(document.body).backgroundColor;
    };
    const faint = new Set();
    all('body *').filter((node) => node.offsetParent && !node.matches('option, :disabled, label:has(:disabled)') && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())).forEach((node) => {
      const [a, b] = [luminance(getComputedStyle(node).color), luminance(behind(node))].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5) faint.add(node.tagName + '.' + node.className + ' ' + ((a + 0.05) / (b + 0.05)).toFixed(2));
    });
    all('main svg text').forEach((node) => {
      const [a, b] = [luminance(getComputedStyle(node).fill), luminance(behind(node.closest('div')))].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5) faint.add('text ' + node.textContent);
    });
    check('too faint: ' + [...faint].slice(0, 6).join(', '), faint.size === 0);
    check('dark or light as asked', matchMedia('(prefers-color-scheme: dark)').matches === window.EXPECTED.dark);
  } catch (error) {
    wrong.push('threw: ' + error.message + ' ' + (error.stack || '').split('\n')[1]);
  }
  const verdict = wrong.length ? 'WRONG: ' + wrong.slice(0, 12).join(' | ') : 'A READER IS CONTENT';
  if (window.parent === window) document.title = verdict; else window.parent.postMessage(verdict, '*');
});
