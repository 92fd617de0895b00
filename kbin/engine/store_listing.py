"""What `kbin store` prints, without Keras."""

from datetime import datetime
from typing import Any

from kbin.engine.feature_store import LIMIT, NETWORKS, PLACE, FeatureStore, StoreEntry, folder_bytes
from kbin.errors import ConfigError

_MB = 10**6


def store_rows(store: FeatureStore) -> list[dict[str, Any]]:
    """Returns a plain row a table, last used first."""
    return [_row(entry) for entry in store.entries()]


def _row(entry: StoreEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "backbone": entry.key.get("backbone"),
        "cut": entry.key.get("cut"),
        "image_size": entry.key.get("image_size"),
        "runtime": entry.key.get("runtime"),
        "precision": entry.key.get("precision"),
        "augment": entry.key.get("augment"),
        "measures": entry.key.get("measures"),
        "images": entry.images,
        "bytes": entry.bytes,
        "last_used": datetime.fromtimestamp(entry.last_used).isoformat(timespec="seconds"),
    }


def store_lines(store: FeatureStore) -> list[str]:
    """Returns the listing as text, at most 80 columns wide."""
    rows = store_rows(store)
    used = sum(row["bytes"] for row in rows)
    networks = folder_bytes(store.root / NETWORKS)
    lines = [
        f"{store.root} ({PLACE})",
        f"{used / _MB:,.1f} MB of at most {store.limit_bytes / _MB:,.0f} MB ({LIMIT}), "
        f"and {networks / _MB:,.1f} MB of converted networks",
    ]
    if not rows:
        return [*lines, "no features stored"]
    lines += ["", f"{'name':<9}{'backbone':<19}{'cut':<20}{'images':>8}{'MB':>9}  last used"]
    for row in rows:
        what, cut, how = _described(row)
        lines.append(
            f"{row['name'][:8]:<9}{what:<19}{cut[:19]:<20}{row['images']:>8,}"
            f"{row['bytes'] / _MB:>9,.1f}  {row['last_used'][:10]}"
        )
        lines.append(f"{'':<9}{how}")
    return [*lines, "", "`kbin store --clear NAME` removes one, `--clear all` everything."]


def _described(row: dict[str, Any]) -> tuple[str, str, str]:
    """Returns what a table holds: of what, up to where, and how it was computed."""
    if row["measures"] is not None:
        return "image measures", "-", "miniatures and properties of the files, for audits"
    views = " augmented" if row["augment"] else ""
    return (
        row["backbone"] or "?",
        row["cut"] or "?",
        f"{row['image_size']} px, {row['runtime']}, {row['precision']}{views}",
    )


def cleared_rows(store: FeatureStore, name: str) -> list[dict[str, Any]]:
    """Clears one table or all, and returns a plain row of each that was removed.

    Raises:
        ConfigError: No table, or more than one, has a name that begins so.
    """
    if name != "all":
        matches = [entry.name for entry in store.entries() if entry.name.startswith(name)]
        if len(matches) != 1:
            known = ", ".join(entry.name[:8] for entry in store.entries()) or "none"
            raise ConfigError(
                f"--clear {name}: {len(matches)} tables have such a name; there are: {known}; or give 'all'."
            )
    return [_row(entry) for entry in store.clear(None if name == "all" else name)]


def removed_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Returns what was removed as text."""
    return [f"removed {len(rows)} tables, {sum(row['bytes'] for row in rows) / _MB:,.1f} MB"]
