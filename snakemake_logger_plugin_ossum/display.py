"""The live display on a terminal."""

import os
import threading
from collections.abc import Callable
from time import sleep

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_MOST_JOBS = 12


class Display:
    """A bar for the run and a line for each running job, below what is printed meanwhile.

    Also jobs print on the terminal. So that they do not write across the display, all that goes
    there comes through a pipe, from before the first job starts until the display is closed.
    """

    def __init__(self, state: Callable[[], tuple[float, str, list[tuple[str, str]]]]):
        """state: a share from 0 to 1, words about it, and each running job with its own words."""
        self._state = state
        self.muted = False  # nothing more is shown of what jobs print
        self._terminals = {fd: os.dup(fd) for fd in (1, 2) if os.isatty(fd)}
        output, pipe = os.pipe()
        for fd in self._terminals:
            os.dup2(pipe, fd)
        os.close(pipe)
        terminal = os.fdopen(os.dup(self._terminals[2]), "w", encoding="utf-8", errors="replace")
        self._console = Console(file=terminal, force_terminal=True, highlight=False)
        self._reader = threading.Thread(target=self._pass_on, args=[output], daemon=True)
        self._reader.start()
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self) -> None:
        """From now on there is a run to show."""
        self._live.start()
        self._console.show_cursor()  # should this be killed, the terminal is as it was

    def _pass_on(self, output: int) -> None:
        with os.fdopen(output, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("Traceback"):  # of a job that Ctrl-C ended? That is known soon
                    sleep(0.5)
                if self.muted:
                    continue
                self._console.print(Text.from_ansi(line.rstrip("\n")), soft_wrap=True)

    def _draw(self) -> Group:
        share, words, jobs = self._state()
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(1, share, width=30), f"{int(100 * share):3} %", words)
        # Not to the last column: `^C`, which the terminal writes itself, would begin a new line.
        rows = Table.grid(padding=(0, 2), expand=True)
        rows.width = max(20, self._console.width - 4)
        rows.add_column(no_wrap=True, overflow="ellipsis")
        rows.add_column(no_wrap=True, justify="right", style="dim")
        for title, detail in jobs[:_MOST_JOBS]:
            rows.add_row(Text(f"  {title}"), detail)
        if len(jobs) > _MOST_JOBS:
            rows.add_row(f"  and {len(jobs) - _MOST_JOBS} more", "")
        return Group(bar, rows)

    def close(self) -> None:
        """Give the terminal back."""
        for fd, terminal in self._terminals.items():
            os.dup2(terminal, fd)
            os.close(terminal)
        self._reader.join(timeout=2)  # a job that is still there keeps its end open
        self._live.stop()
