import io

import pytest

from kbin.progress import LogProgress, Progress, TerminalProgress


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("kbin.progress.time", clock)
    return clock


def work(progress: Progress, clock: Clock, seconds: list[float], total: int | None) -> None:
    """Does one unit of work in each of `seconds`."""
    with progress.bar("features", total, "images") as advance:
        for duration in seconds:
            clock.now += duration
            advance(1)


def test_a_log_has_a_line_every_ten_seconds_with_the_time_left(clock):
    stream = io.StringIO()
    work(LogProgress(stream), clock, [4, 4, 4, 4, 4, 4], total=6)
    # After 12 s 3 of 6 are done, so 12 s are left; the next line would be due after 22 s, when all are done.
    assert stream.getvalue() == "  features: 3 of 6 images, 12.0 s left\n  features: 6 images in 24.0 s\n"


def test_work_of_unknown_length_says_what_is_done_and_how_fast(clock):
    stream = io.StringIO()
    work(LogProgress(stream), clock, [4, 4, 4, 4], total=None)
    assert stream.getvalue() == "  features: 3 images so far, 0 a second\n  features: 4 images in 16.0 s\n"


def test_quick_work_is_one_line_in_a_log(clock):
    stream = io.StringIO()
    work(LogProgress(stream), clock, [0.5, 0.5], total=2)
    assert stream.getvalue() == "  features: 2 images in 1.0 s\n"


def test_work_that_fails_does_not_say_that_it_is_done(clock):
    stream = io.StringIO()
    with pytest.raises(RuntimeError, match="damaged"), LogProgress(stream).bar("features", 2, "images"):
        raise RuntimeError("damaged")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.0, "59.0 s"), (61.0, "1 min 1 s"), (3600.0, "1 h 0 min"), (7384.0, "2 h 3 min")],
)
def test_durations_are_for_people(clock, seconds, text):
    stream = io.StringIO()
    work(LogProgress(stream), clock, [seconds], total=1)
    assert stream.getvalue().endswith(f"1 images in {text}\n")


def test_the_base_says_nothing(capsys):
    progress = Progress()
    progress.say("text")
    with progress.bar("features", 2, "images") as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")


STEERING = "a\x1b[2Jb\rc\nd\x07"


def test_what_steers_a_terminal_is_escaped_in_a_log(clock):
    stream = io.StringIO()
    progress = LogProgress(stream)
    progress.say(STEERING)
    with progress.bar("\x1b[2J", 1, "images") as advance:
        advance(1)
    assert stream.getvalue() == "a\\x1b[2Jb\\rc\nd\\x07\n  \\x1b[2J: 1 images in 0.0 s\n"


def test_what_steers_a_terminal_is_escaped_on_it(capsys):
    progress = TerminalProgress()
    progress.say(STEERING)
    with progress.board("\x1b[2J", 1, "images") as update:
        update(1, ["\x1b[2J"])
    out = capsys.readouterr().out
    assert out.startswith("a\\x1b[2Jb\\rc\nd\\x07\n")
    assert "\x1b[2J" not in out
    assert "\x07" not in out


class Closed(io.StringIO):
    """A terminal that was closed, or a pipe whose reader has gone away."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")

    def isatty(self) -> bool:
        return True


def test_the_work_goes_on_where_a_log_cannot_be_written(clock):
    progress = LogProgress(Closed())
    progress.say("text")
    work(progress, clock, [11, 11, 11], total=3)


def test_the_work_goes_on_where_the_terminal_was_closed(clock, monkeypatch):
    monkeypatch.setattr("sys.stdout", Closed())
    progress = TerminalProgress()
    progress.say("text")
    work(progress, clock, [11, 11, 11], total=3)


def test_a_terminal_keeps_one_line_of_a_bar(capsys):
    progress = TerminalProgress()
    with progress.bar("features [torch]", 2, "images") as advance:
        advance(1)
        advance(1)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("  features [torch]: 2 images in ")


def test_a_terminal_shows_text_as_it_is(capsys):
    TerminalProgress().say("[bold]a[/bold] :smile: " + "x" * 200)
    assert capsys.readouterr().out == "[bold]a[/bold] :smile: " + "x" * 200 + "\n"
