"""A journal that was put back, compared with the emulated exchanges over real clients."""

from __future__ import annotations

import pytest

from backend.bootstrap import restore_journal, sweep_venues
from backend.domain.errors import RouterHalted
from backend.integrations.journal.backup import back_up
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.verify import verify
from tests.e2e.conftest import VENUES, World, buy
from tests.e2e.test_resting import away, resting

NAMED = tuple(venue for venue in VENUES if venue != "firi")


@pytest.mark.parametrize("venue", NAMED)
async def test_it_finds_what_the_backup_does_not_know(world: World, venue: str) -> None:
    """One order before the backup, one executed and one resting after it: the two are told, the first is not. The
    router that opens the journal takes no order, and the sweep is what its confirmation asks for."""
    backup = world.path.with_name("backup.sqlite")
    router = await world.runtime.router()
    await router.submit(buy("before", exchange=venue))
    back_up(world.path, backup)
    await router.submit(buy("executed", exchange=venue))
    _, record = await resting(world, router, await away(world, venue))
    executed = await world.runtime.journal.get("executed")
    assert executed is not None
    lost = {attempt.venue_order_id for one in (executed, record) for attempt in one.attempts}
    assert (await sweep_venues(world.path, runtime=world.runtime)).orphans == ()
    await world.runtime.close()
    restore_journal(backup, world.path)
    world.runtime = world.built()
    swept = await sweep_venues(world.path, runtime=world.runtime)
    assert {one.venue_order_id for one in swept.orphans if one.venue == venue} == lost
    assert len(swept.orphans) == 2
    assert [problem.split()[0] for problem in swept.problems] == ["firi"]
    assert (set(swept.looked), swept.kept.split(":")[0]) == (set(VENUES), "kept")
    with pytest.raises(RouterHalted):
        await (await world.runtime.router()).submit(buy("after", exchange=venue))
    assert verify(world.path).problems == ()
    assert (await sweep_venues(world.path, runtime=world.runtime)).kept.startswith("not kept: a router")
    await world.runtime.close()
    journal = SqliteJournal.open(world.path)
    assert await journal.confirm(word="compared", now=0.0, venues=VENUES)
    await journal.close()
