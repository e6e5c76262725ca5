"""What a process runs with, for the log: kinds and hosts, never a password."""

from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from app.runtime.settings import Settings
from app.values.addresses import hosts_of


def surroundings(settings: Settings) -> dict[str, object]:
    """The database, cache, events and listeners."""
    database = make_url(settings.database)
    return {
        "database": database.get_backend_name(),
        "database_host": database.host or "",
        "cache": urlsplit(settings.redis_url).scheme,
        "events": _without_user(settings.events_url),
        "events_topic": settings.events_topic,
        "tls": settings.tls_certificate_file is not None,
        "address": f"{settings.host}:{settings.port}",
        "admin_address": "" if settings.admin_port is None else f"{settings.admin_host}:{settings.admin_port}",
    }


def _without_user(url: str) -> str:
    """Kind and hosts; the settings refuse a password there, this does not rely on it."""
    return f"{url.partition('://')[0]}://{hosts_of(url).rpartition('@')[2]}"
