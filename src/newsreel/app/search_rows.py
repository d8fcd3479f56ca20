"""What a search finds, as rows of the table of entries."""

from newsreel.app.clock import Clock
from newsreel.app.search import search
from newsreel.model.query import Order
from newsreel.model.tables import ENTRIES, RowChoice, Values
from newsreel.store import Store

PAGE = 500


class SearchPages:
    """The entries that a search finds, some at a time, in their newest wordings.

    Of what is found those are given that are ``chosen``. ``notes`` say what there is to say of the
    query and of what was read so far: nothing is left out silently.
    """

    columns = ENTRIES.columns

    def __init__(
        self,
        store: Store,
        text: str,
        chosen: RowChoice,
        *,
        clock: Clock,
        order: Order = Order.NEWEST,
    ) -> None:
        self.notes: tuple[str, ...] = ()
        self._store = store
        self._text = text
        self._chosen = chosen
        self._clock = clock
        self._order = order
        self._after: str | None = None
        self._is_done = False

    async def next(self) -> list[Values] | None:
        """Return the next rows, None where there are no more."""
        if self._is_done:
            return None
        answer = await search(
            self._store,
            self._text,
            clock=self._clock,
            order=self._order,
            limit=PAGE,
            after=self._after,
        )
        self.notes = tuple(dict.fromkeys((*self.notes, *answer.notes)))
        self._after = answer.page.next_key
        self._is_done = self._after is None
        names = [column.name for column in self.columns]
        ids = [hit.entry_id for hit in answer.page.hits]
        return await self._store.entry_rows(names, self._chosen, ids)
