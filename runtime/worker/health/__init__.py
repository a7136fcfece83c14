"""What a worker says of its health, and to whom: HTTP probes, a metrics scraper, systemd.

The supervisor's loop describes itself (`condition`); a pure function judges it (`judge`); `health` tells
those who ask over HTTP (`responder`) and the service manager (`systemd`). All of it runs in the loop
itself: a loop that does not turn answers nobody and sends no watchdog, which is the truth.
"""
