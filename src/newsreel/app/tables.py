"""Read a table, page by page."""

from collections.abc import Sequence

from newsreel.model.tables import Column, RowChoice, Table, Values
from newsreel.store.protocols import Key, TableStore

PAGE = 1000


class TablePages:
    """The rows of a table, some at a time, with all columns or those that are named.

    Each page is read when it is asked for, and nothing is held between two of them: what is stored
    meanwhile may be among the later rows.
    """

    notes: tuple[str, ...] = ()
    """What there is to say of what was read: nothing."""

    def __init__(
        self,
        store: TableStore,
        table: Table[object],
        chosen: RowChoice,
        columns: Sequence[Column] | None = None,
    ) -> None:
        self.columns = table.columns if columns is None else tuple(columns)
        self._store = store
        self._table = table
        self._chosen = chosen
        self._after: Key | None = None
        self._is_done = False

    async def next(self) -> list[Values] | None:
        """Return the next rows, None where there are no more."""
        if self._is_done:
            return None
        page = await self._store.page(
            self._table.name,
            [column.name for column in self.columns],
            self._chosen,
            after=self._after,
            limit=PAGE,
        )
        self._after = page.last
        self._is_done = page.last is None
        return page.rows
