// Keeps the front page fresh: fetches it and swaps the dashboard in place, while the tab is seen.
"use strict";

(() => {
  const board = () => document.getElementById("dashboard");
  const seconds = Number(board().dataset.refreshSeconds);
  let shownAt = Date.now();
  let busy = false;

  const isDisturbing = () => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && board().contains(selection.anchorNode);
  };

  const swap = (fresh) => {
    // A person who walks the links by keyboard keeps their place.
    const focused = board().contains(document.activeElement)
      ? document.activeElement.getAttribute("href")
      : null;
    board().replaceChildren(...fresh.childNodes);
    if (focused) {
      board().querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
  };

  const refresh = async () => {
    if (busy || document.hidden || isDisturbing()) return;
    busy = true;
    try {
      const answer = await fetch(location.href, {
        cache: "no-store",
        signal: AbortSignal.timeout(seconds * 1000),
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // A sign-in page after the session's end is a success without a dashboard.
      const fresh = answer.ok ? page.getElementById("dashboard") : null;
      board().classList.toggle("aio-stale", fresh === null);
      if (fresh) {
        swap(fresh);
        shownAt = Date.now();
      }
    } catch {
      board().classList.add("aio-stale");
    } finally {
      busy = false;
    }
  };

  setInterval(refresh, seconds * 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - shownAt > seconds * 1000) refresh();
  });
})();
