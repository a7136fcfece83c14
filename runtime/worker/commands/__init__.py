"""Remote control: what this worker can be told and asked (PROTOCOL 12.4).

`registry` knows the commands, `view` is all that they may read and do, `panel` hears, obeys and
answers. A command is a function `(view, **arguments)` that returns what is answered; what it raises is
answered as an error. It runs in the supervisor's loop, between two turns, so it must be quick.
"""
