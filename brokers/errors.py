"""How a broker fails. (Part of `brokers.interface`; apart from it, for it takes 15 ms to import.)"""


class BrokerError(Exception):
    """The server could not be reached, or refused; the message names the address and the cause."""


class BrokerUnavailable(BrokerError):
    """No connection, a time-out, or a state that passes (LOADING, READONLY, OOM, …): try again."""


class BrokerRefused(BrokerError):
    """It will refuse again: a wrong password, a bad URL, no such database."""


class BrokerMisconfigured(BrokerError, ValueError):
    """A URL or option is wrong; the message names it, its value and what would be right."""
