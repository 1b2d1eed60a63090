// Newer figures every few seconds: the page is asked for again, and what is marked data-live and differs is replaced. Without this, reload.
"use strict";
(() => {
  if (!document.body.hasAttribute("data-updates")) return;
  const EVERY_MS = 5000;
  const pause = document.getElementById("pause");
  const said = document.getElementById("said");
  let paused = false;

  const say = (text) => { if (said.textContent !== text) said.textContent = text; };

  // What holds the focus, an open part or a selection is left as it is until that has gone.
  const inUse = (part) => part.contains(document.activeElement) || part.querySelector("details[open]") ||
    (!getSelection().isCollapsed && getSelection().containsNode(part, true));

  const refresh = (page) => {
    for (const fresh of page.querySelectorAll("[data-live]")) {
      const old = document.querySelector(`[data-live="${CSS.escape(fresh.dataset.live)}"]`);
      if (old && old.innerHTML !== fresh.innerHTML && !inUse(old)) old.replaceChildren(...fresh.cloneNode(true).childNodes);
    }
  };

  const ask = async () => {
    if (paused || document.hidden) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      refresh(new DOMParser().parseFromString(await answer.text(), "text/html"));
      say("");
    } catch {
      say("The page does not answer: the figures are old.");
    }
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    say(paused ? "Updates are paused." : "");
    if (!paused) ask();
  });
  const next = async () => { await ask(); setTimeout(next, EVERY_MS); };
  setTimeout(next, EVERY_MS);
  document.addEventListener("visibilitychange", ask);
})();
