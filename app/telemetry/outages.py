"""Outages in the log: one line for each cause and one when it is over, however often it is tried."""

import structlog


class Outage:
    """Whether something is down; logs its event `down` once for each cause, and `back` at the next success."""

    def __init__(self, logger: str, *, down: str, back: str, effect: str) -> None:
        self._log = structlog.get_logger(logger)
        self._down, self._back, self._effect = down, back, effect
        self._causes: set[str] = set()

    def failed(self, error: BaseException) -> None:
        """Note a failure; the first one of each cause is logged, so that causes that alternate are two lines. An
        error may have a remedy, which is logged with it."""
        cause = type(error).__name__
        if cause not in self._causes:
            self._causes.add(cause)
            remedy = getattr(error, "remedy", None)
            self._log.warning(self._down, error=cause, effect=self._effect, **({"remedy": remedy} if remedy else {}))

    def succeeded(self) -> None:
        """Note that it works."""
        if self._causes:
            self._causes.clear()
            self._log.info(self._back)
