"""Outages in the log: one line when something goes down and one when it is back, however often it is tried."""

import structlog


class Outage:
    """Whether something is down; logs its event `down` at the first failure, and `back` at the next success."""

    def __init__(self, logger: str, *, down: str, back: str, effect: str) -> None:
        self._log = structlog.get_logger(logger)
        self._down, self._back, self._effect = down, back, effect
        self._is_down = False

    def failed(self, error: BaseException) -> None:
        """Note a failure; only the first one of an outage is logged."""
        if not self._is_down:
            self._is_down = True
            self._log.warning(self._down, error=type(error).__name__, effect=self._effect)

    def succeeded(self) -> None:
        """Note that it works."""
        if self._is_down:
            self._is_down = False
            self._log.info(self._back)
