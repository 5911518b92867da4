"""The parts of the server."""

from collections.abc import Callable
from dataclasses import dataclass

from emulators.services.journal import Journal
from emulators.services.kinesis.catalog import Catalog
from emulators.services.kinesis.clock import Clock, machine_ms
from emulators.services.kinesis.faults import Faults
from emulators.services.kinesis.limits import ShardLimits
from emulators.services.kinesis.log import Log
from emulators.services.kinesis.options import Options
from emulators.services.kinesis.tables import Tables, open_journal
from emulators.services.kinesis.tokens import Sealer

_CLOCK = "clock_ahead_ms"


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that operations use."""

    options: Options
    journal: Journal
    tables: Tables
    clock: Clock
    catalog: Catalog
    log: Log
    sealer: Sealer
    limits: ShardLimits
    faults: Faults

    def advance_clock(self, milliseconds: int) -> None:
        """Advance the clock permanently."""
        self.clock.advance(milliseconds)
        self.tables.remember(_CLOCK, str(self.clock.ahead_ms))


def open_core(options: Options, machine: Callable[[], int] = machine_ms) -> Core:
    """Open the data folder.

    Args:
        options: the server's settings.
        machine: the machine's clock, in ms since the epoch.

    Raises:
        EmulatorFailure: the folder cannot be opened.
    """
    journal = open_journal(options.data)
    tables = Tables(journal)
    clock = Clock(int(tables.recall(_CLOCK)), machine)
    return Core(
        options=options,
        journal=journal,
        tables=tables,
        clock=clock,
        catalog=Catalog(tables, clock, options),
        log=Log(tables, clock),
        sealer=Sealer(bytes.fromhex(tables.recall("secret"))),
        limits=ShardLimits(options.throughput_limits),
        faults=Faults(),
    )
