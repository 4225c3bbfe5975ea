// The backtest's answer appears below the form. Without this script it opens in a tab of its own.
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("backtest-ask");
    if (!button) return;
    const state = document.getElementById("backtest-state");
    const result = document.getElementById("backtest-result");
    let asked = null;

    const ask = async () => {
      asked?.abort();
      const mine = (asked = new AbortController());
      state.textContent = "Counting …";
      result.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(button.formAction, {
          method: "POST",
          body: new FormData(button.form),
          headers: { "X-Requested-With": "fetch" },
          redirect: "error",
          signal: AbortSignal.any([mine.signal, AbortSignal.timeout(60_000)]),
        });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const found = page.getElementById("backtest-answer");
        if (!found) throw new Error(`answer ${answer.status}`);
        result.replaceChildren(found);
        state.textContent = "";
      } catch {
        // A newer question has taken over the line.
        if (mine !== asked) return;
        state.textContent = "No answer. Are you still signed in? Try again.";
      } finally {
        if (mine === asked) result.removeAttribute("aria-busy");
      }
    };

    button.addEventListener("click", (event) => {
      event.preventDefault();
      ask();
    });
    // The answer was about other values: say so.
    button.form.addEventListener("input", () => {
      if (result.childElementCount) state.textContent = "Values have changed since.";
    });
  });
})();
