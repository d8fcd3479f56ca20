"""What a use case did, in a sentence."""

from newsreel.app.export import ExportAccount, Roots


def told(account: ExportAccount, roots: Roots) -> str:
    """Return what an export did, in a sentence."""
    if not account.days:
        return f"nothing has changed since the last export to {roots.public}"
    days_told = "1 day" if account.days == 1 else f"{account.days} days"
    parts = [f"wrote {account.written} files of {days_told} to {roots.public}"]
    if account.unchanged:
        parts.append(f"{account.unchanged} were up to date")
    if account.removed:
        parts.append(f"{account.removed} removed")
    if account.recovered:
        parts.append(f"{len(account.recovered)} completed that an earlier run had begun")
    return ", ".join(parts)
