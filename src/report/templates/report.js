(() => {
  const tip = document.getElementById('tip');
  let at = null;
  const leave = () => { if (at) at.classList.remove('at'); at = null; tip.hidden = true; };
  const show = (mark) => {
    if (at) at.classList.remove('at');
    at = mark;
    mark.classList.add('at');
    tip.textContent = mark.getAttribute('aria-label');
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(4, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 4);
    const above = box.top - own.height - 8;
    tip.style.left = left + 'px';
    tip.style.top = (above > 4 ? above : box.bottom + 8) + 'px';
  };
  // the page's own tip replaces the viewer's
  document.querySelectorAll('.mark > title').forEach((title) => title.remove());
  document.querySelectorAll('.picture').forEach((picture) => {
    const marks = [...picture.querySelectorAll('.mark')];
    if (!marks.length) return;
    marks.forEach((mark) => {
      mark.addEventListener('pointerenter', () => show(mark));
      mark.addEventListener('pointerleave', leave);
    });
    picture.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === 'Escape') { leave(); return; }
      if (event.key === 'Home') { event.preventDefault(); show(marks[0]); return; }
      if (event.key === 'End') { event.preventDefault(); show(marks[marks.length - 1]); return; }
      if (!step) return;
      event.preventDefault();
      const next = marks.indexOf(at) + step;
      show(marks[at && marks.includes(at) ? Math.min(Math.max(next, 0), marks.length - 1) : 0]);
    });
    picture.addEventListener('blur', leave);
    picture.addEventListener('scroll', leave);
  });
  addEventListener('scroll', leave, { passive: true });
  // tables are printed open
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details:not([open])')];
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener('afterprint', () => { opened.forEach((details) => { details.open = false; }); });
})();
