"""What `tools/chaos.py` is made of: load, harm, and the judgement of what came of it.

`run` drives; `load` sends numbered tasks; `fleet` keeps workers alive; `harms` breaks things; each task
writes its start and end to the `ledger`; `judge` compares that with what was sent and broken.
"""
