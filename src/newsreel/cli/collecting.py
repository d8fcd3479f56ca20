"""Collecting the icons of sites while the service runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from newsreel.cli.context import Context

LOOK_EVERY = 60.0


@asynccontextmanager
async def collecting_icons(context: Context) -> AsyncIterator[None]:
    """For the length of a block, ask sites for their icons now and then, one at a time."""
    collecting = asyncio.create_task(_collect_on(context))
    try:
        yield
    finally:
        collecting.cancel()
        with suppress(asyncio.CancelledError):
            await collecting


async def _collect_on(context: Context) -> None:
    from newsreel.app.icons import fetch_icons
    from newsreel.log import event

    while True:
        await asyncio.sleep(LOOK_EVERY)
        try:
            async with context.open_store() as store, context.client(store) as client:
                is_ours = await store.take_task("icons")  # of all that share the database
                icons = await fetch_icons(store, client, clock=store.clock) if is_ours else []
        except Exception as error:  # noqa: BLE001 - polling goes on without icons
            event("icons", error=str(error) or type(error).__name__)
            continue
        if icons:
            event("icons", asked=len(icons), found=sum(icon.body is not None for icon in icons))
