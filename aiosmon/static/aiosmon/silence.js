// What a silence would match appears below its form, a moment after one stops typing. Without this
// script the button opens it in a tab of its own.
(() => {
  const PAUSE = 400;
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("silence-ask");
    if (!button) return;
    const written = button.form.elements.namedItem("matchers");
    const state = document.getElementById("silence-state");
    const result = document.getElementById("silence-result");
    let asked = null;
    let pause = 0;

    const ask = async () => {
      clearTimeout(pause);
      asked?.abort();
      const mine = (asked = new AbortController());
      state.textContent = "Looking …";
      try {
        const answer = await fetch(button.formAction, {
          method: "POST",
          body: new FormData(button.form),
          headers: { "X-Requested-With": "fetch" },
          redirect: "error",
          signal: AbortSignal.any([mine.signal, AbortSignal.timeout(30_000)]),
        });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const found = page.getElementById("silence-answer");
        if (!found) throw new Error(`answer ${answer.status}`);
        result.replaceChildren(found);
        state.textContent = "";
      } catch {
        // A newer question has taken over the line.
        if (mine !== asked) return;
        state.textContent = "No answer. Are you still signed in? Try again.";
      }
    };

    button.addEventListener("click", (event) => {
      event.preventDefault();
      ask();
    });
    written.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(ask, PAUSE);
    });
  });
})();
