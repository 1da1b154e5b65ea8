"""The program around the commands: one place where every way out ends.

Exit codes: 0 done; 1 something was left behind or a check failed; 2 usage or settings; 3 source or
lake unavailable; 130 and 143 interrupted; 101 a bug of ours.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from pi_lakeflow.cli.commands import (
    check,
    config,
    demo,
    discover,
    ingest,
    init,
    simulate,
    status,
    tables,
    version,
)
from pi_lakeflow.cli.output import BUG, Output
from pi_lakeflow.errors import PiLakeflowError, SettingsError

app = typer.Typer(
    name="pi-lakeflow",
    help="AVEVA PI data in a lakehouse: every recorded event, once.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (init, check, discover, ingest, status, tables, config, simulate, demo, version):
    module.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    output = Output(json="--json" in arguments, debug="--debug" in arguments)
    output.verbosity = sum(a.count("v") for a in arguments if a in ("-v", "-vv", "-vvv"))
    _logging(output)
    try:
        code = app(args=list(arguments), standalone_mode=False, obj=output) or 0
    except (KeyboardInterrupt, SystemExit) as error:
        code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 130
        output.end(code, "interrupted")
    except Exception as error:  # the last border: whatever arrives here ends in words and a code
        code = _failed(output, error)
    output.end(code, "done" if code == 0 else "finished")
    return code


def _failed(output: Output, error: Exception) -> int:
    if isinstance(error, TyperException):
        problem = error.format_message()
        output.error(SettingsError(problem, hint="pi-lakeflow --help, or pi-lakeflow COMMAND --help"))
        output.end(2, "failed", error=problem)
        return 2
    output.error(error)
    if isinstance(error, PiLakeflowError):
        output.end(error.exit_code, "failed", error=str(error), hint=error.hint)
        return error.exit_code
    output.note("This is a bug of pi-lakeflow. Run again with --debug and report what it prints.")
    output.end(BUG, "failed", error=f"{type(error).__name__}: {error}")
    return BUG


def _logging(output: Output) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(output.verbosity, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default", UserWarning)
