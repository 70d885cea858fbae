"""``python -m benchmarks.soak``: charge once, lose nothing, tell once, while everything dies at random.

A simulator with random faults, PostgreSQL, Valkey, a forking and a plain RQ worker, a sweep and a web server run as
processes of their own. Tasks are asked for all the time, and people cancel, try again and decide. Workers (and now and then
the web server and the sweep) are killed, or stopped for longer than any lease. In turn the whole site meets: PostgreSQL
killed, connections lost at COMMIT, Valkey restarted empty, clocks 25 hours off, a full disk, a backup restored while Redis
and storage have gone on, and 401, 402, 404 or a maintenance page for everybody.

Then comes the last fault. Ten minutes of the site's later every task has ended, waits for a reason that is true, or is with
a person, who settles with EvoLink's books at hand what the site rightly leaves to one; then the books are compared, and all
histories are replayed. The seed decides every fault and every blow; a blow waits up to a few seconds for a task that stands
where it has met none yet. The site's own waits are shortened (see `benchmarks/soak/haste.py`); nothing else is different
from production. A run of ten minutes must make every move of the state machine, and meet tasks at every status with every
fault.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.soak.run import Soak
from benchmarks.soak.site import running
from benchmarks.tables import Verdict, table

if TYPE_CHECKING:
    from benchmarks.soak.account import Account


#: From so many seconds on a run must hit everything.
FULL = 600


def main(argv: list[str] | None = None) -> int:
    """Soak and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long things go wrong")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tasks", type=int, help="default: 4 a second; a slow machine is asked for fewer")
    parser.add_argument("--settle", type=float, default=300, help="most seconds to come to rest after that")
    parser.add_argument("--logs", type=Path, help="keep what the processes say in this folder")
    options = parser.parse_args(argv)
    tasks = options.tasks or max(int(options.seconds * 4), 1)
    soak = Soak(options.seed, options.seconds, tasks, options.settle)
    print(f"seed {options.seed}: {tasks} tasks in {options.seconds:g} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="wv-soak-") as temporary:
        folder = options.logs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with running(options.seed, folder) as site:
            rested = soak.run(site)
            from benchmarks.soak.account import take

            account = take(site.remote, soak, site.struck)
            deaths = {name: service.deaths for name, service in site.services.items()}
    return _report(soak, account, deaths, rested=rested)


def _report(soak: Soak, account: Account, deaths: dict[str, int], *, rested: bool) -> int:
    decided = soak.decided
    rows = [
        ("intents", soak.intents),
        ("POSTs that reached EvoLink", account.posts),
        ("accepted", account.accepted),
        ("billed", account.billed),
        ("bound to their task", account.bound),
        ("stored", account.stored),
        ("failed or cancelled by EvoLink", account.ended_at_evolink),
        *((f"failed here: {code or '(no code)'}", number) for code, number in account.failed.most_common()),
        ("cancelled here", account.cancelled),
        ("unconfirmed when all was quiet", decided["unconfirmed"]),
        ("  attached by a person, who finds its prompt in EvoLink's books", decided["attached"]),
        ("  not accepted, say EvoLink's books", decided["not accepted"]),
        ("  still unconfirmed", account.unconfirmed),
        ("videos fetched after all by a person", decided["fetched again"] + decided["looked again"]),
        ("known only to lost rows, or sent again by decision: with a person", len(account.with_a_person)),
        ("paid for and not stored in the end", len(account.explained)),
        ("signals", account.told),
        ("  told again, same event, after its worker was struck", account.told_where_struck),
        ("  told again, same event, after a restored database had forgotten that", account.told_after_restore),
        *((f"people: {name}", number) for name, number in sorted(soak.did.items())),
        *((f"faults made: {point}", number) for point, number in sorted(account.faults.items())),
        *((f"blows: {name}", number) for name, number in sorted(soak.blows.items())),
        *((f"deaths: {name}", number) for name, number in deaths.items()),
        ("seconds to come to rest", ", ".join(f"{seconds:.0f}" for seconds in soak.settled_after)),
    ]
    print(f"\n{table([f'seed {soak.seed}, {soak.seconds:g} s', 'count'], rows)}\n")
    for what, names in (
        ("lost", account.lost),
        ("charged twice", account.charged_twice),
        ("damaged", account.damaged),
        ("paid for and not stored", account.explained),
        ("stuck", soak.stuck),
        ("never told", account.untold),
        ("told twice", account.told_twice),
        ("history", account.histories),
    ):
        for name in names[:10]:
            print(f"{what}: {name}")
    moves, pairs = soak.coverage.missing_moves, soak.coverage.missing_pairs
    print(f"moves not made: {', '.join(moves) or 'none'}")
    print(f"faults that met no task at a status: {', '.join(pairs) or 'none'}\n")
    verdict = Verdict(binding=True)
    verdict.exactly("lost", len(account.lost), 0)
    # A person has been asked about these, and has had every means that the site gives: none may be left.
    verdict.exactly("paid for and not stored in the end", len(account.explained), 0)
    verdict.exactly("charged twice", len(account.charged_twice), 0)
    verdict.exactly("stored files that differ from EvoLink's", len(account.damaged), 0)
    verdict.exactly("signals never told", len(account.untold), 0)
    verdict.exactly("signals told again though no worker died", len(account.told_twice), 0)
    verdict.exactly("restored databases that were not noticed", soak.unnoticed, 0)
    verdict.exactly("tasks without a true reason, ten minutes after the last fault", len(soak.stuck), 0)
    verdict.exactly("things that did not come to rest", int(not rested), 0)
    verdict.exactly("problems in the histories", len(account.histories), 0)
    if soak.seconds >= FULL:
        verdict.exactly("moves not made", len(moves), 0)
        verdict.exactly("faults that met no task at a status", len(pairs), 0)
    print(
        "\nAn unconfirmed task is no loss: its answer was lost and so was EvoLink's callback, it is never sent again by "
        "itself, and a\nperson ties it to what EvoLink's books show, or settles that there is nothing. Both is done here "
        "before the books are compared."
    )
    return verdict.exit_code()


if __name__ == "__main__":
    sys.exit(main())
