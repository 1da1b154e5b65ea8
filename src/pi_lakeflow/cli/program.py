"""The program around the commands: one place where every way out ends.

Exit codes: 0 done; 1 something was left behind or a check failed; 2 usage or settings; 3 source or
lake unavailable; 130 and 143 interrupted; 101 a bug of ours.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

import typer

from pi_lakeflow.cli.commands import (
    alarms,
    assets,
    check,
    config,
    connector,
    demo,
    deploy,
    discover,
    ingest,
    init,
    optimize,
    reconcile,
    simulate,
    status,
    stream,
    tables,
    version,
)
from pi_lakeflow.cli.interrupts import INTERRUPTED, TERMINATED, Interrupted, terminated_politely
from pi_lakeflow.cli.output import Output, ReaderGone
from pi_lakeflow.cli.problems import Problem
from pi_lakeflow.errors import SettingsError

app = typer.Typer(
    name="pi-lakeflow",
    help="AVEVA PI data in a lakehouse: every recorded event, once.",
    epilog="Begin with `pi-lakeflow demo`, or with `pi-lakeflow init` and `pi-lakeflow check`. "
    "Exit codes: 0 done, 1 something was left behind, 2 usage or settings, 3 try later, "
    "130 and 143 interrupted, 101 a bug.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
# In the order in which the help lists them.
for module in (
    init,
    check,
    discover,
    ingest,
    reconcile,
    stream,
    assets,
    alarms,
    status,
    optimize,
    tables,
    config,
    deploy,
    connector,
    simulate,
    demo,
    version,
):
    module.register(app)

_USAGE = typer.BadParameter.__mro__[1]  # "UsageError", whichever library typer brings it from
_STATUS = {0: "done", INTERRUPTED: "interrupted", TERMINATED: "interrupted"}
_BROKEN_PIPE = 141  # as if SIGPIPE had ended us: nobody reads the results any more


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    output = Output(json="--json" in arguments, debug="--debug" in arguments)
    aside = contextlib.redirect_stdout(sys.stderr) if output.json else contextlib.nullcontext()
    with _listening(output), aside:  # whatever others print is no JSON line
        return _bordered(output, list(arguments) or ["--help"])


def _bordered(output: Output, arguments: list[str]) -> int:
    try:
        code = int(app(args=arguments, prog_name="pi-lakeflow", standalone_mode=False, obj=output) or 0)
        if code == INTERRUPTED and not output.ending:  # typer turns Ctrl-C into a code
            output.note("interrupted")
        output.end(code, _STATUS.get(code, "finished"))
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        return _pipe_broke()
    except (KeyboardInterrupt, Interrupted, typer.Abort) as error:
        code = error.code if isinstance(error, Interrupted) else INTERRUPTED
        output.note("interrupted")
        output.end(code, _STATUS[code])
    except Exception as error:  # the last border: whatever arrives here ends in words and a code
        problem = output.error(_usage(error) if isinstance(error, _USAGE) else error)
        code = _failed(output, problem)
    return code


def _failed(output: Output, problem: Problem) -> int:
    output.result("failed", error=problem.fields())
    output.end(problem.code, "failed")
    return problem.code


def _usage(error: Exception) -> SettingsError:
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "pi-lakeflow"
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return SettingsError(text.rstrip("."), hint=f"{where} --help")


def _pipe_broke() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python complains once more at its exit
    return _BROKEN_PIPE


@contextlib.contextmanager
def _listening(output: Output) -> Iterator[None]:
    """SIGTERM, warnings and log records of others reach the user as ours do."""
    handler = _Handler(output)
    with terminated_politely(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the certificate of .* is not verified")  # settings said it
        warnings.showwarning = lambda message, *_args, **_options: output.warn(str(message))
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.warn(f"{record.name}: {record.getMessage()}")
