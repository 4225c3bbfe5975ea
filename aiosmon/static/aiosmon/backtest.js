// The backtest's answer appears below the form. Without this script it opens in a tab of its own.
document.addEventListener("DOMContentLoaded", () => {
  const asking = window.aioAsking("backtest", "Counting …", 60);
  if (!asking) return;
  asking.button.addEventListener("click", (event) => {
    event.preventDefault();
    asking.ask();
  });
  // The answer was about other values: say so.
  asking.button.form.addEventListener("input", () => {
    if (asking.result.childElementCount) asking.state.textContent = "Values have changed since.";
  });
});
