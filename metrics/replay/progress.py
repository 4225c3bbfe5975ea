"""A plain progress bar; where nobody watches, a line for each tenth."""

from collections.abc import Callable

WIDTH = 30


class Progress:
    """Counts towards ``total``: one line redrawn on a terminal, elsewhere ten at most."""

    def __init__(self, total: int, write: Callable[[str], None], *, terminal: bool) -> None:
        """``write`` puts text out at once, adding nothing to it."""
        self.done = 0
        self._total = max(total, 1)
        self._write = write
        self._terminal = terminal
        self._tenth = 0

    def add(self, count: int) -> None:
        """Note that ``count`` more are done."""
        self.done += count
        share = self.done / self._total
        text = f"{share:4.0%}  {self.done:,} of {self._total:,} rows"
        if self._terminal:
            filled = int(share * WIDTH)
            self._write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {text}")
        elif self.done * 10 // self._total > self._tenth:
            self._tenth = self.done * 10 // self._total
            self._write(f"{text}\n")

    def close(self) -> None:
        """Leave the bar's line, so that what follows starts on a new one."""
        if self._terminal and self.done:
            self._write("\n")
