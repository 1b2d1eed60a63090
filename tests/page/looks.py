"""What is looked for in a page that a browser shows: names, headings, tables, contrast, width."""

from __future__ import annotations

LOOK = r"""
(() => {
  const wrong = [];
  const shown = (e) => e.getClientRects().length > 0;
  const headings = [...document.querySelectorAll("h1,h2,h3,h4")];
  if (headings.filter((h) => h.tagName === "H1").length !== 1) wrong.push("wanted one h1");
  headings.reduce((last, h) => { const level = +h.tagName[1]; if (level > last + 1) wrong.push(`heading ${h.innerText} leaves out a level`); return level; }, 0);
  for (const landmark of ["header", "main", "footer"]) if (document.querySelectorAll(`body > ${landmark}`).length !== 1) wrong.push(`wanted one ${landmark}`);
  for (const e of document.querySelectorAll("input:not([type=hidden]),select,textarea")) {
    if (!e.labels.length || ![...e.labels].every((l) => l.innerText.trim())) wrong.push(`no label: ${e.outerHTML}`);
  }
  for (const e of document.querySelectorAll("a,button,summary")) if (!e.textContent.trim()) wrong.push(`no name: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("svg,img")) if (!(e.getAttribute("aria-label") || e.getAttribute("alt") || "").trim()) wrong.push("a picture without a text");
  for (const t of document.querySelectorAll("table")) {
    if (!t.caption || !t.caption.innerText.trim()) wrong.push("a table without a caption");
    for (const h of t.querySelectorAll("th")) if (!["col", "row"].includes(h.scope)) wrong.push(`no scope: ${h.innerText}`);
  }
  for (const e of document.querySelectorAll("[aria-labelledby],[aria-describedby]")) {
    for (const name of ["aria-labelledby", "aria-describedby"]) {
      for (const id of (e.getAttribute(name) || "").split(" ").filter(Boolean)) if (!document.getElementById(id)) wrong.push(`${name}: no ${id}`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => wrong.push(`id twice: ${id}`));
  const live = [...document.querySelectorAll("[data-live]")].map((e) => e.dataset.live);
  live.filter((id, place) => live.indexOf(id) !== place).forEach((id) => wrong.push(`data-live twice: ${id}`));
  if (!document.title || document.documentElement.lang !== "en") wrong.push("no title or language");
  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`wider than the window: ${document.documentElement.scrollWidth} of ${innerWidth}`);
  for (const e of document.querySelectorAll("*")) if (e.hasAttribute("style")) wrong.push("a style of its own, which the policy forbids");

  const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  let least = 21, texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(e) || e.closest(".sr,script,noscript,option")) continue;
    const style = getComputedStyle(e), found = ratio(parse(style.color), behind(e));
    texts += 1;
    least = Math.min(least, found);
    if (found < 4.5) wrong.push(`contrast ${found.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  for (const path of document.querySelectorAll("svg .bars")) if (ratio(parse(getComputedStyle(path).stroke), behind(path.closest("svg").parentElement)) < 3) wrong.push("bars without contrast");
  for (const e of document.querySelectorAll("input:not([type=hidden]),select")) if (ratio(parse(getComputedStyle(e).borderTopColor), behind(e.parentElement)) < 3) wrong.push("a field without a visible border");
  return { wrong: [...new Set(wrong)], texts, least };
})()
"""

FOCUSED = """
(() => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  return { text: e.textContent.trim() || e.id, tag: e.tagName, outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, seen: box.width > 0 && box.left >= 0 && box.top >= 0 };
})()
"""
