"""Measure the gateway beside its peers: `make bench`, or `python -m benchmarks --help`."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from benchmarks import layers, subscribers, workers
from benchmarks.builds import PEERS
from benchmarks.contenders import ALL, GATEWAY, Contender, ready
from benchmarks.measure import Figures, Plan, Run, running
from benchmarks.report import Further, write
from benchmarks.stage import Stage, stage
from tests.environment import clear_settings
from tests.npm import install
from tests.services import ServerError

HERE = Path(__file__).parent


def main() -> None:
    """Measure what the command line asks for, and write the results."""
    arguments = _arguments()
    clear_settings()
    named = [each for each in ALL if each.name == GATEWAY or not arguments.only or each.name in arguments.only]
    install(PEERS)
    contenders = ready(named, _say)
    server_cores, other_cores = _cores()
    if other_cores is not None:
        os.sched_setaffinity(0, other_cores)
    plan = Plan(arguments.seconds, arguments.rounds, arguments.connections, server_cores)
    with stage(arguments.claims, other_cores, arguments.driver) as found:
        asyncio.run(_run(found, plan, contenders, arguments))


async def _run(found: Stage, plan: Plan, contenders: list[Contender], arguments: argparse.Namespace) -> None:
    async with running(found, plan, contenders, _say) as run:
        await run.check()
        _say("all answers are equal")
        await run.warm_up()
        await run.measure()
        await run.measure_burst()
        # What has been measured is written even if something fails from here on.
        write(run, arguments.claims, arguments.output, Further())
        heard = await subscribers.measure(run)
        of_layers = await layers.measure(run)
        write(run, arguments.claims, arguments.output, Further(heard, await _workers(run), of_layers))
        _say(f"written: {arguments.output / 'RESULTS.md'}")


async def _workers(run: Run) -> Figures:
    """Nothing and a line where no Kafka can be had."""
    try:
        return await workers.measure(run)
    except ServerError as error:
        _say(f"two workers are left out: {str(error).splitlines()[0]}")
        return Figures()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--claims", type=int, default=20_000)
    parser.add_argument("--driver", default="asyncmy", choices=["asyncmy", "aiomysql"], help="of the gateway")
    parser.add_argument("--output", type=Path, default=HERE, help="the folder of RESULTS.md")
    names = [each.name for each in ALL if each.name != GATEWAY]
    parser.add_argument("--only", action="append", choices=names, help="a peer; may be repeated, by default all")
    return parser.parse_args()


def _cores() -> tuple[set[int] | None, set[int] | None]:
    """One core for the servers under test and the others for the rest; None and None on a machine with one core."""
    cores = sorted(os.sched_getaffinity(0))
    return (None, None) if len(cores) < 2 else ({cores[0]}, set(cores[1:]))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
