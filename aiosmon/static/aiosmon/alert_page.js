// The alert's page: keys, drafts that survive, and what others do while it is open.
"use strict";

(() => {
  const root = document.getElementById("alert");
  if (!root) return;
  const POLL_MS = Number(root.dataset.seconds) * 1000;
  const HERE_MS = 10_000;
  const SLOWEST_MS = 60_000;
  const DRAFT_DAYS = 7;
  const part = (name, within = root) => within.querySelector(`[data-part="${name}"]`);
  const fields = (within = root) => [...within.querySelectorAll("form[data-form] textarea")];
  const nameOf = (field) => field.form.dataset.form;
  const fieldOf = (name) => root.querySelector(`form[data-form="${name}"] textarea`);

  // --- Drafts ---------------------------------------------------------------------

  const key = (name) => `${root.dataset.drafts}:${name}`;
  const read = (name) => {
    try {
      const draft = JSON.parse(localStorage.getItem(key(name)));
      return draft && Date.now() - draft.at < DRAFT_DAYS * 86_400_000 ? draft.text : "";
    } catch {
      return "";
    }
  };
  const keep = (name, text) => {
    try {
      if (text) localStorage.setItem(key(name), JSON.stringify({ text, at: Date.now() }));
      else localStorage.removeItem(key(name));
    } catch {
      // Full or forbidden: the text is still in its field.
    }
  };
  const say = (name, text) => {
    const place = document.getElementById(`${name}-draft`);
    if (place) place.textContent = text;
  };
  const open = (field) => {
    const details = field.closest("details");
    if (details) details.open = true;
  };
  const restore = () => {
    for (const field of fields()) {
      const text = read(nameOf(field));
      if (!text || field.value) continue;
      field.value = text;
      open(field);
      say(nameOf(field), "Your draft was kept.");
    }
  };
  const forgetSent = () => {
    const sent = /^#sent-([a-z]+)$/.exec(location.hash)?.[1];
    if (!sent) return;
    keep(sent, "");
    history.replaceState(null, "", location.pathname + location.search);
    if (sent === "comment") document.getElementById("timeline").scrollIntoView({ block: "nearest" });
  };

  root.addEventListener("input", (event) => {
    if (!event.target.matches("form[data-form] textarea")) return;
    keep(nameOf(event.target), event.target.value);
    say(nameOf(event.target), "");
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });

  // --- Keys -----------------------------------------------------------------------

  const act = (name) => () => {
    const field = fieldOf(name);
    if (!field) return;
    open(field);
    field.focus();
    field.scrollIntoView({ block: "center" });
  };
  aioKeys.on({
    a: act("acknowledge"),
    c: act("comment"),
    e: () => {
      const chosen = document.getElementById("assign-assignee");
      if (!chosen) return;
      act("assign")();
      chosen.focus();
    },
    r: act("resolve"),
    u: () => (location.href = root.dataset.inbox),
  });

  // --- What others do -------------------------------------------------------------

  const triage = () => part("triage");
  const isBegun = () =>
    triage().contains(document.activeElement) ||
    fields(triage()).some((field) => field.value.trim());

  const carryOver = (before, after) => {
    // What was written goes to the same form; where that is gone, to the comment.
    for (const field of fields(before)) {
      if (!field.value.trim()) continue;
      const name = nameOf(field);
      const same = after.querySelector(`form[data-form="${name}"] textarea`);
      if (same) {
        same.value = field.value;
        same.closest("details")?.setAttribute("open", "");
        continue;
      }
      keep(name, "");
      const comment = fieldOf("comment");
      comment.value = [comment.value, field.value].filter(Boolean).join("\n");
      keep("comment", comment.value);
      say("comment", "What you wrote for a step that is no longer open is here.");
    }
  };

  const replaceTriage = (fresh) => {
    const before = triage();
    carryOver(before, fresh);
    before.replaceWith(fresh);
    // A click that was on its way to another button must not land on the new one.
    fresh.classList.add("aio-settling");
    setTimeout(() => fresh.classList.remove("aio-settling"), 700);
  };

  const warn = (fresh, news) => {
    triage().querySelector(".aio-moved")?.remove();
    const note = document.createElement("div");
    note.className = "aio-notice aio-moved";
    note.setAttribute("role", "alert");
    const text = document.createElement("p");
    text.textContent = `${news || "The alert has changed"} while you were writing. Your text is kept.`;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "aio-button aio-button--small";
    button.textContent = "Take note, and go on";
    button.addEventListener("click", () => {
      const focused = document.activeElement?.id;
      replaceTriage(fresh);
      (document.getElementById(focused) ?? fieldOf("comment")).focus();
    });
    note.append(text, button);
    (triage().querySelector(".aio-heading") ?? triage()).after(note);
  };

  const show = (page) => {
    part("head").replaceWith(part("head", page));
    const timeline = part("timeline", page);
    const news = timeline.dataset.last;
    if (timeline.dataset.key !== part("timeline").dataset.key) {
      const known = new Set([...part("timeline").querySelectorAll("[data-step]")].map((s) => s.dataset.step));
      for (const step of timeline.querySelectorAll("[data-step]")) {
        if (!known.has(step.dataset.step)) step.classList.add("aio-step--new");
      }
      document.getElementById("news").textContent = news;
    }
    part("timeline").replaceWith(timeline);
    const fresh = part("triage", page);
    if (fresh.dataset.key === triage().dataset.key) return;
    // Who is in the middle of deciding must see what happened before it is decided on.
    if (isBegun()) warn(fresh, news);
    else replaceTriage(fresh);
  };

  let etag = root.dataset.etag;
  let delay = POLL_MS;
  let timer = null;
  const stale = (is) => {
    document.getElementById("stale").hidden = !is;
    delay = is ? Math.min(delay * 2, SLOWEST_MS) : POLL_MS;
  };
  const poll = async () => {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        const answer = await fetch(root.dataset.live, {
          headers: { "If-None-Match": etag },
          cache: "no-store",
          redirect: "error",
          signal: AbortSignal.timeout(10_000),
        });
        if (answer.status === 200) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          if (!part("head", page)) throw new Error("no alert in the answer");
          show(page);
          etag = answer.headers.get("ETag");
        } else if (answer.status !== 304) {
          throw new Error(`answer ${answer.status}`);
        }
        stale(false);
      } catch {
        stale(true);
      }
    }
    timer = setTimeout(poll, delay);
  };

  const here = () => {
    if (document.hidden) return;
    const body = new FormData(document.getElementById("here-form"));
    body.set("writing", fields().some((field) => field.value.trim()) ? "1" : "0");
    fetch(root.dataset.here, { method: "POST", body, redirect: "error" }).catch(() => {});
  };

  const age = () => {
    for (const place of root.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, (Date.now() - new Date(place.dataset.since)) / 1000);
      const [size, unit] = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(
        ([one]) => seconds >= one || one === 1,
      );
      place.textContent = `${Math.floor(seconds / size)}\u00a0${unit}`;
    }
  };

  // An answer to a refused form stands under the form's address, which can't be loaded again.
  const problem = document.getElementById("problem");
  if (problem) {
    history.replaceState(null, "", root.dataset.live.replace(/live\/$/, "change/"));
    fields().forEach((field) => field.value && keep(nameOf(field), field.value));
  }
  forgetSent();
  restore();
  if (location.hash === "#comment-note") act("comment")();
  here();
  setInterval(here, HERE_MS);
  setInterval(age, 30_000);
  timer = setTimeout(poll, delay);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    poll();
    here();
  });
})();
