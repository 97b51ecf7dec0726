"""Progress output of a run: one line per epoch, or one line that is updated."""

import shutil
import sys

import numpy as np

from ..callbacks import Callback

_REDRAW_SECONDS = 0.2
_RECENT_EPOCHS = 5  # number of epochs whose mean time predicts that of the others


def make_progress(verbose, stream=None):
    """Return the observer for ``verbose``.

    Parameters
    ----------
    verbose : int or bool
        1: a live line on a terminal, elsewhere as 2. 2: a line after each epoch.
    stream : text file, default=None
        None: the current standard output.
    """
    stream = sys.stdout if stream is None else stream
    live = verbose == 1 and getattr(stream, "isatty", lambda: False)()
    return LiveLine(stream) if live else EpochLines(stream)


class EpochLines(Callback):
    """Prints one line about each epoch."""

    def __init__(self, stream):
        self.stream = stream

    def on_epoch_end(self, run, record):
        parts = [f"loss = {record['loss']:.6f}", f"energy = {record['energy']:.6f}"]
        for name, column in (("training", "train_score"), ("validation", "validation_score")):
            if column in record:
                parts.append(f"{name} score = {record[column]:.4f}")
        parts.append(f"inference passes = {record['n_passes']:.2f}")
        parts.append(f"{_speed(run):.0f} samples/s")
        parts.append(f"{_clock(seconds_left(run))} left")
        parts.append(f"{record['seconds']:.2f} s")
        print(f"Epoch {run.n_epochs}: {', '.join(parts)}", file=self.stream, flush=True)


class LiveLine(Callback):
    """Rewrites one line on a terminal, at most five times a second, and leaves it there."""

    def __init__(self, stream):
        self.stream = stream
        self._drawn_at = None
        self._scores = ""

    def on_batch_end(self, run, report):
        now = run.clock()
        if self._drawn_at is None or now - self._drawn_at >= _REDRAW_SECONDS:
            self._draw(run, run.n_epochs + 1, run.sums.means())

    def on_epoch_end(self, run, record):
        self._scores = ""
        for name, column in (("train", "train_score"), ("val", "validation_score")):
            if column in record:
                self._scores += f"  {name} {record[column]:.3f}"
        # The end of an epoch is always drawn if it may be the last line.
        last = run.n_epochs >= run.max_iter or run.stop_reason is not None
        if last or self._drawn_at is None or run.clock() - self._drawn_at >= _REDRAW_SECONDS:
            self._draw(run, run.n_epochs, record)

    def on_fit_end(self, run):
        if self._drawn_at is not None:
            if run.n_epochs and not run.batch:
                self._draw(run, run.n_epochs, run.record)
            self.stream.write("\n")
            self.stream.flush()

    def _draw(self, run, epoch, means):
        self._drawn_at = run.clock()
        speed = f"{_speed(run):,.0f}".replace(",", " ")
        line = (
            f"epoch {epoch}/{run.max_iter}  energy {means['energy']:.4g}{self._scores}  "
            f"{means['n_passes']:.1f} passes  {speed} samples/s"
        )
        left = seconds_left(run)
        line += f"  {_clock(left)} left" if run.stop_reason is None and left else ""
        width = shutil.get_terminal_size().columns - 1  # a full line would wrap
        # "erase to the end of the line": trailing blanks would wrap in a resized window
        self.stream.write(f"\r{line[:width]}\x1b[K")
        self.stream.flush()


def seconds_left(run):
    """Estimated seconds until ``max_iter`` or the time limit ends the run; None: unknown."""
    recent = run.recent("seconds")[-_RECENT_EPOCHS:]
    left = np.inf
    if recent:
        within = run.batch / run.n_batches
        left = (run.max_iter - run.n_epochs - within) * float(np.mean(recent))
    if run.max_time is not None:
        left = min(left, run.max_time - run.seconds())
    return max(0.0, left) if np.isfinite(left) else None


def _speed(run):
    """Samples per second in the current or last epoch."""
    seconds = run.record["seconds"] if run.batch == 0 else run.epoch_seconds()
    return run.sums.n_samples / max(seconds, 1e-9)


def _clock(seconds):
    if seconds is None:
        return "?"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
