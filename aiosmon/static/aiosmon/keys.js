// Single keys as commands, and the dialog that lists them. Pages say what each key does.
"use strict";

(() => {
  document.documentElement.dataset.js = "on";

  const isTyping = (target) =>
    target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  const dialog = () => document.getElementById("keys");
  const help = () => {
    const shown = dialog();
    if (shown && !shown.open) shown.showModal();
  };
  const commands = new Map([["?", help]]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      // An open dialog closes by itself; a field is left, so that keys are commands again.
      if (isTyping(event.target) && event.target.type !== "search") event.target.blur();
      else if (!dialog()?.open) commands.get("Escape")?.(event);
      return;
    }
    const checkbox = event.target.type === "checkbox" || event.target.type === "radio";
    if ((isTyping(event.target) && !checkbox) || dialog()?.open) return;
    const command = commands.get(event.key);
    if (!command) return;
    event.preventDefault();
    command(event);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys-help]")) help();
    // A menu closes when something else is chosen.
    for (const menu of document.querySelectorAll("details.aio-menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // Browsers may leave `autofocus` alone (a window not drawn in time): who types would be lost.
  if (document.activeElement === document.body) document.querySelector("[autofocus]")?.focus();

  window.aioKeys = {
    on: (table) => Object.entries(table).forEach(([key, command]) => commands.set(key, command)),
  };
})();
