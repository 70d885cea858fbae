"""The demo's stream is coloured for people and plain for files."""

from __future__ import annotations

import io

import pytest

from example_project.demo.output import Printer, Stages, wants_colour


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_is_coloured():
    stream = Terminal()
    Printer(stream).line("web", "hello", "cyan")
    assert stream.getvalue() == "\x1b[36mweb      │\x1b[0m hello\n"


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colour_gets_none(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    assert not wants_colour(Terminal())


def test_a_file_gets_no_colour():
    stream = io.StringIO()
    Printer(stream).line("web", "hello", "cyan")
    assert stream.getvalue() == "web      │ hello\n"


def test_a_reader_that_has_gone_away_ends_nothing():
    class Gone(io.StringIO):
        tries = 0

        def write(self, text):
            self.tries += 1
            raise BrokenPipeError

    printer = Printer(Gone())
    printer.line("web", "hello")
    printer.line("web", "again")
    assert printer.stream.tries == 1


def test_a_stage_is_one_line_with_its_time():
    stream = io.StringIO()
    Stages(Printer(stream)).done("logged in", "as demo")
    mark, seconds, unit, text = stream.getvalue().rstrip().split(maxsplit=3)
    assert (mark, unit) == ("✓", "s")
    assert float(seconds) >= 0
    assert text.split() == ["logged", "in", "as", "demo"]
