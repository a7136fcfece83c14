"""A broker on a Redis server (or Valkey), in Celery's keys and formats."""
