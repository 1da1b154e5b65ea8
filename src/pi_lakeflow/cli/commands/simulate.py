"""``simulate``: a PI Web API server to develop and test against."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal

import typer

from pi_lakeflow.cli.options import Debug, Json, output_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    context: typer.Context,
    tags: int = typer.Option(1000, help="Points on the first data server."),
    port: int = typer.Option(8765, help="Port on the loopback interface; 0 takes any."),
    seed: int = typer.Option(1, help="The same seed is the same world, everywhere."),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Serve a simulated PI Web API until interrupted. More options: python -m pi_lakeflow.simulator -h."""
    from pi_lakeflow.simulator import SimulatorConfig, serve

    output = output_of(context)

    def announce(line: str) -> None:
        if output.json:
            output.out.print(line)
        else:
            output.text(f"PI Web API (simulated): {json.loads(line)['url']}, data server PISRV01")
            output.text("stop it with Ctrl-C; the world can be changed under /simulator/")

    async def until_stopped() -> None:
        task = asyncio.ensure_future(
            serve(SimulatorConfig(tags=tags, port=port, seed=seed), announce=announce)
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(until_stopped())
