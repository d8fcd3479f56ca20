"""Close a test's server so that nothing of it is left, whoever was about to come in."""

import asyncio
from collections.abc import Collection


async def close(server: asyncio.Server, talks: Collection[asyncio.Task[None]] = ()) -> None:
    """Let nobody in any more, end ``talks``, and wait for all that runs.

    A server that is closed between a caller's coming and its being let in leaves a socket open.
    """
    loop = asyncio.get_running_loop()
    for door in server.sockets:
        loop.remove_reader(door)
    quiet = 0
    while quiet < 4:
        for talk in talks:
            talk.cancel()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)
        quiet = 0 if others else quiet + 1
    server.close()
    await asyncio.sleep(0)
