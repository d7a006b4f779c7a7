"""Numbers with their words."""


def counted(n: int, one: str, many: str | None = None) -> str:
    """`1 row`, `1,200 rows`; `many` where the plural, or a verb behind it, takes another form."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
