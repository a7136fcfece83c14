from celery import shared_task
from django.db import connection

from orders.models import Order


@shared_task
def place(customer: str, total: int) -> int:
    """The order's number. It is charged once it is in the database."""
    order = Order.objects.create(customer=customer, total=total)
    charge.delay_on_commit(order.pk)
    return order.pk


@shared_task(bind=True, max_retries=3)
def charge(self, number: int) -> bool:
    try:
        order = Order.objects.get(pk=number)
    except Order.DoesNotExist as error:
        raise self.retry(exc=error, countdown=1) from error
    order.paid = True
    order.save()
    return True


@shared_task
def is_connected() -> bool:
    """Whether the task before has left its connection to the database open."""
    return connection.connection is not None
