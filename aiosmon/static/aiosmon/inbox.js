// The inbox by keyboard, its selection, and its refreshing while nobody works in it.
"use strict";

(() => {
  const REFRESH_MS = 15_000;
  const form = () => document.getElementById("changelist-form");
  const list = () => document.getElementById("inbox-list");
  const lines = () => [...document.querySelectorAll(".aio-line[data-alert]")];
  const boxes = () => [...document.querySelectorAll("#inbox-list input[name=_selected_action]")];
  const picked = () => boxes().filter((box) => box.checked);
  const state = (text) => {
    const place = document.getElementById("inbox-state");
    if (place) place.textContent = text;
  };

  const current = () => document.activeElement?.closest?.(".aio-line[data-alert]") ?? null;
  const move = (by) => {
    const all = lines();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    const link = all[next].querySelector(".aio-line__link");
    link.focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest" });
  };

  const count = () => {
    const chosen = picked().length;
    const all = document.getElementById("pick-all");
    if (!all) return;
    all.checked = chosen > 0 && chosen === boxes().length;
    all.indeterminate = chosen > 0 && !all.checked;
    document.getElementById("picked").textContent = chosen ? `${chosen} selected` : "Select";
    document.querySelector(".aio-bulk").classList.toggle("aio-bulk--on", chosen > 0);
    for (const box of boxes()) {
      box.closest(".aio-line").classList.toggle("aio-line--picked", box.checked);
    }
  };
  const pick = (box, on) => {
    box.checked = on;
    count();
  };

  const run = (name) => () => {
    const button = document.querySelector(`.aio-bulk button[value="${name}"]`);
    if (!button) return;
    const line = current();
    if (!picked().length) {
      const box = line?.querySelector("input[name=_selected_action]");
      if (!box) return state("Choose an alert first: j, k, x.");
      pick(box, true);
    }
    form().requestSubmit(button);
  };

  aioKeys.on({
    j: () => move(1),
    k: () => move(-1),
    x: () => {
      const box = current()?.querySelector("input[name=_selected_action]");
      if (box) pick(box, !box.checked);
    },
    a: run("acknowledge_many"),
    e: run("assign_many"),
    r: run("resolve_many"),
    c: () => {
      const link = current()?.querySelector(".aio-line__link");
      if (link && document.querySelector(".aio-bulk")) location.href = `${link.href}#comment-note`;
    },
    "/": () => document.getElementById("searchbar").select(),
    Escape: () => {
      boxes().forEach((box) => (box.checked = false));
      count();
    },
  });

  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (box.id === "pick-all") {
      boxes().forEach((one) => (one.checked = box.checked));
      count();
    } else if (box.name === "_selected_action") {
      const all = boxes();
      if (event.shiftKey && last && all.includes(last)) {
        const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
        all.slice(from, to + 1).forEach((one) => (one.checked = box.checked));
      }
      last = box;
      count();
    }
  });
  // The whole line opens the alert, but not where text is being selected.
  document.addEventListener("click", (event) => {
    const line = event.target.closest(".aio-line[data-alert]");
    if (!line || event.defaultPrevented || event.target.closest("a, label, input, button")) return;
    if (document.getSelection().isCollapsed) line.querySelector(".aio-line__link").click();
  });
  form()?.addEventListener("submit", (event) => {
    if (picked().length) return;
    event.preventDefault();
    state("Select at least one alert.");
  });
  window.addEventListener("pageshow", count);

  // --- Refreshing ---------------------------------------------------------------

  let busy = false;
  let shownAt = Date.now();
  const isWorking = () =>
    picked().length > 0 ||
    document.querySelector("details.aio-menu[open], dialog[open]") !== null ||
    document.activeElement?.id === "searchbar" ||
    !document.getSelection().isCollapsed;

  const swap = (page) => {
    // The first alert of an empty list brings the buttons with it, the last one takes them along.
    const has = (where) => where.querySelector(".aio-bulk") !== null;
    if (has(page) !== has(document)) return location.reload();
    const id = current()?.dataset.alert;
    for (const part of ["inbox-list", "inbox-head"]) {
      const fresh = page.getElementById(part);
      if (part === "inbox-head") {
        // The filters keep their place; only the tabs' numbers change.
        document.querySelector(".aio-tabs").replaceWith(fresh.querySelector(".aio-tabs"));
      } else {
        list().replaceChildren(...fresh.childNodes);
      }
    }
    if (id) {
      document
        .querySelector(`.aio-line[data-alert="${id}"] .aio-line__link`)
        ?.focus({ preventScroll: true });
    }
    count();
    return undefined;
  };

  const refresh = async () => {
    if (busy || document.hidden || isWorking()) return;
    busy = true;
    try {
      const answer = await fetch(location.href, {
        cache: "no-store",
        signal: AbortSignal.timeout(REFRESH_MS),
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok || !page.getElementById("inbox-list")) throw new Error(`answer ${answer.status}`);
      // Somebody may have begun to work while the answer was on its way.
      if (!isWorking()) swap(page);
      shownAt = Date.now();
      state("");
    } catch {
      state(`Not refreshed since ${new Date(shownAt).toLocaleTimeString("en-GB")}.`);
    } finally {
      busy = false;
    }
  };
  setInterval(refresh, REFRESH_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - shownAt > REFRESH_MS) refresh();
  });
})();
