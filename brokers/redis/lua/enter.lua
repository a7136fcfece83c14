-- Begins or takes up a worker's lease, on every new connection.
--
-- ARGV[1]   workers: sorted set, incarnation -> end of its lease, epoch in ms
-- ARGV[2]   the worker's record, a hash
-- ARGV[3]   its incarnation
-- ARGV[4]   lease, ms
-- ARGV[5]   number of its last request that was answered, for a new record
-- ARGV[6…]  field, value, for each thing to tell of the worker
--
-- Returns 1 if its record was still there, 0 if it is new.
-- The ZREM comes first so that the rest passes when Redis is out of memory.

local time = redis.call('TIME')
redis.call('ZREM', ARGV[1], ARGV[3])
redis.call('ZADD', ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4], ARGV[3])
redis.call('HSET', ARGV[2], unpack(ARGV, 6))
return 1 - redis.call('HSETNX', ARGV[2], 'step', ARGV[5])
