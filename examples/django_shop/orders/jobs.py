from orders.models import Order
from runtime import shared_task


@shared_task
def unpaid(customer: str) -> int:
    return Order.objects.filter(customer=customer, paid=False).count()
