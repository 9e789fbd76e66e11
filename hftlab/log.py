"""Structured log lines through the standard logging module, silent until the program asks for them."""

from __future__ import annotations

import logging

import structlog

__all__ = ["get_logger"]

logging.getLogger("hftlab").addHandler(logging.NullHandler())


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes an event and key=value pairs; configured here, whatever the user has set up globally."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"], repr_native_str=False),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger
