"""The supervisor: reserves messages, hands them to children, settles them.

A message's way. One loop (`supervisor.py`) makes all of these calls; calls go down, what happened
comes back as a return value. `steps` assembles it, in two blueprints; all other parts of a worker attend
the loop by its `hub`.

== ================================== =================================================== ====================
 # where                              what                                                a crash here leaves
== ================================== =================================================== ====================
 1 brokers.redis take + take.lua      pop up to N over all queues and record as unacked,  queued or unacked,
                                      one step                                            never neither
 2 brokers.envelope                   JSON envelope, the body stays encoded               unacked; its lease
                                                                                          runs out
 3 pipeline.intake                    headers -> Reservation in the ledger; malformed,    same
                                      unknown, expired and revoked ones end here
 4 pipeline.hold                      not due yet: back to the broker's care until then   same
 5 pipeline.dispatch                  to a free slot                                      same
 6 pools submit                       one frame to one child                              same
 7 runtime.execution, in the child    decode the body, run, encode                        pool reports Lost
 8 pipeline.settle + pipeline.verdict a pure table: (options, outcome) -> verdict         unacked; runs again
 9 brokers.redis settle + settle.lua  remove + result + notify + follow-ups, one step,    done, or unacked
                                      fenced
== ================================== =================================================== ====================
"""
