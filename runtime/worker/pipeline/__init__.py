"""The steps between a delivery and its settlement, in the order of their names' first mention in
`runtime.worker`: intake, hold, dispatch, settle. Each is called by the supervisor's loop only."""
