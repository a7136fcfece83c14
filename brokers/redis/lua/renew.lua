-- Prolongs a worker's lease, and tells whose lease ends first.
--
-- ARGV[1]  workers: sorted set, incarnation -> end of its lease, epoch in ms
-- ARGV[2]  the worker's record
-- ARGV[3]  its incarnation
-- ARGV[4]  lease, ms
--
-- Returns { incarnation, ms until its lease ends (below 0: it has ended) } of the first to end, and the epoch
-- in ms.
-- The ZREM comes first so that the ZADD passes when Redis is out of memory.

if redis.call('HEXISTS', ARGV[2], 'step') == 0 then
  return redis.error_reply('LEASE of this worker has ended')
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', ARGV[1], ARGV[3])
redis.call('ZADD', ARGV[1], now + ARGV[4], ARGV[3])
local first = redis.call('ZRANGE', ARGV[1], 0, 0, 'WITHSCORES')
return { first[1], math.floor(first[2] - now), now }
