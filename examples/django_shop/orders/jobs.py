from django.db import connection

from orders.models import Order
from runtime import shared_task


@shared_task
def unpaid(customer: str) -> int:
    return Order.objects.filter(customer=customer, paid=False).count()


@shared_task
def is_connected() -> bool:
    """Whether the task before has left its connection to the database open."""
    return connection.connection is not None
