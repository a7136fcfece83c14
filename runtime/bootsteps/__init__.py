"""Bootsteps: the parts of a worker, and what a user's own are made of."""

from runtime.bootsteps.attendant import Attendant
from runtime.bootsteps.queue_step import Message, QueueStep
from runtime.bootsteps.step import Parts, Step

__all__ = ["Attendant", "Message", "Parts", "QueueStep", "Step"]
