"""One task's run, in a child: decode, call, follow up, record, encode."""
