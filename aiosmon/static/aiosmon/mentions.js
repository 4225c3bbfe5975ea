// Whom a comment can name: a list below the field while an @name is being written.
"use strict";

(() => {
  const field = document.querySelector("[data-mentions]");
  const menu = document.getElementById("mentions");
  const source = document.getElementById("people");
  if (!field || !menu || !source) return;
  const MOST = 6;
  const people = JSON.parse(source.textContent);
  let found = [];
  let at = 0;

  const begun = () => /(?:^|[^\w@])@([\w.+-]*)$/.exec(field.value.slice(0, field.selectionStart));
  const close = () => {
    menu.hidden = true;
    found = [];
    field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-expanded", "false");
  };
  const mark = () => {
    [...menu.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    field.setAttribute("aria-activedescendant", `mention-${at}`);
  };
  const choose = (person) => {
    const start = field.selectionStart - begun()[1].length;
    field.setRangeText(`${person.name} `, start, field.selectionStart, "end");
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const suggest = () => {
    const asked = begun()?.[1].toLowerCase();
    if (asked === undefined) return close();
    found = people
      .filter((one) => one.name.toLowerCase().includes(asked) || one.full.toLowerCase().includes(asked))
      .slice(0, MOST);
    if (!found.length) return close();
    at = 0;
    menu.replaceChildren(
      ...found.map((person, index) => {
        const item = document.createElement("li");
        item.id = `mention-${index}`;
        item.setAttribute("role", "option");
        const name = document.createElement("b");
        name.textContent = `@${person.name}`;
        item.append(name, ` ${person.full}`);
        // Before the field loses its focus.
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          choose(person);
        });
        return item;
      }),
    );
    field.after(menu);
    menu.hidden = false;
    field.setAttribute("aria-expanded", "true");
    mark();
  };

  field.setAttribute("role", "combobox");
  field.setAttribute("aria-controls", "mentions");
  field.setAttribute("aria-autocomplete", "list");
  field.addEventListener("input", suggest);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (menu.hidden || event.ctrlKey || event.metaKey) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) at = (at + by + found.length) % found.length;
    else if (event.key === "Enter" || event.key === "Tab") choose(found[at]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (by) mark();
  });
})();
