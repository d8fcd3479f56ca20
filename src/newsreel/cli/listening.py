"""Listening to hubs while the service runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newsreel.cli.context import Context
from newsreel.errors import StoreError

if TYPE_CHECKING:
    from newsreel.app.hubs import Hubs
    from newsreel.model.poll import Poll

ASK_EVERY = 60.0


@asynccontextmanager
async def listening(context: Context) -> AsyncIterator[None]:
    """For the length of a block, take what hubs push, where the settings say where; else nothing.

    Raises :class:`~newsreel.errors.UsageError` where the address can't be listened at.
    """
    from newsreel.log import event

    settings = context.settings
    if not (settings.listen and settings.public_url):
        if settings.listen or settings.public_url:
            event("not-listening", hint="hubs can push where both listen and public_url are set")
        yield
        return
    from newsreel.app.hubs import Hubs
    from newsreel.web.app import make_app
    from newsreel.web.server import serving

    async with (
        context.open_store() as store,
        context.client(store) as client,
        context.captures(lambda told: event("notice", told=told)) as keep,
    ):
        url = settings.public_url
        hubs = Hubs(store, client, public_url=url, clock=store.clock, keep=keep, tell=_log_push)
        app = make_app(hubs, path=urlsplit(url).path, max_bytes=settings.max_bytes)
        async with serving(app, settings.listen) as address:
            event("listening", address=address)
            asking = asyncio.create_task(_ask_on(hubs))
            try:
                yield
            finally:
                asking.cancel()
                with suppress(asyncio.CancelledError):
                    await asking


async def _ask_on(hubs: "Hubs") -> None:
    """Ask hubs every minute for what is due, and poll what they gave hints of."""
    from newsreel.log import event

    while True:
        try:
            if count := await hubs.ask_around():
                event("hubs", asked=count)
            if polls := await hubs.poll_hinted():
                event("hinted", feeds=[poll.feed.id for poll in polls])
        except StoreError as error:
            event("waiting", error=str(error), hint=error.hint)
        await asyncio.sleep(ASK_EVERY)


def _log_push(poll: "Poll") -> None:
    from newsreel.log import event

    changes = poll.changes
    event("pushed", feed=poll.feed.id, new=len(changes.new), revised=len(changes.revised))
