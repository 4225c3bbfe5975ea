"""A plain progress bar; where nobody watches, a line for each tenth."""

from typing import TextIO

WIDTH = 30


class Progress:
    """Counts towards ``total`` on a stream: one line redrawn on a terminal, else eleven at most."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self.done = 0
        self._total = max(total, 1)
        self._stream = stream
        self._tenth = 0
        self._terminal = stream.isatty()

    def add(self, count: int) -> None:
        """Note that ``count`` more are done."""
        self.done += count
        share = self.done / self._total
        text = f"{share:4.0%}  {self.done:,} of {self._total:,} rows"
        if self._terminal:
            filled = int(share * WIDTH)
            self._write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {text}")
        elif int(share * 10) > self._tenth:
            self._tenth = int(share * 10)
            self._write(f"{text}\n")

    def close(self) -> None:
        """Leave the bar's line, so that what follows starts on a new one."""
        if self._terminal and self.done:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
