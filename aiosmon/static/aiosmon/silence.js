// What a silence would match appears below its form, a moment after one stops typing. Without this
// script the button opens it in a tab of its own.
document.addEventListener("DOMContentLoaded", () => {
  const PAUSE = 400;
  const asking = window.aioAsking("silence", "Looking …", 30);
  if (!asking) return;
  let pause = 0;
  asking.button.addEventListener("click", (event) => {
    event.preventDefault();
    clearTimeout(pause);
    asking.ask();
  });
  asking.button.form.elements.namedItem("matchers").addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(asking.ask, PAUSE);
  });
});
