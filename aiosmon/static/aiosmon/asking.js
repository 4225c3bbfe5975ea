// An answer to a form that is not saved appears below it: the elements NAME-ask (its button),
// NAME-state, NAME-result, and NAME-answer in what the server sends.
window.aioAsking = (name, words, seconds) => {
  const part = (what) => document.getElementById(`${name}-${what}`);
  const button = part("ask");
  if (!button) return null;
  const state = part("state");
  const result = part("result");
  let asked = null;

  const ask = async () => {
    asked?.abort();
    const mine = (asked = new AbortController());
    state.textContent = words;
    result.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.formAction, {
        method: "POST",
        body: new FormData(button.form),
        headers: { "X-Requested-With": "fetch" },
        redirect: "error",
        signal: AbortSignal.any([mine.signal, AbortSignal.timeout(seconds * 1000)]),
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById(`${name}-answer`);
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

  return { button, state, result, ask };
};
