-- Prolongs a worker's lease, and tells of the others'.
--
-- ARGV[1]  workers: sorted set, incarnation -> end of its lease, epoch in ms
-- ARGV[2]  the worker's record
-- ARGV[3]  its incarnation
-- ARGV[4]  lease, ms
--
-- Returns { how many leases have ended, ms until the next one ends, the epoch in ms }.
-- The ZREM comes first so that the ZADD passes when Redis is out of memory.

if redis.call('HEXISTS', ARGV[2], 'step') == 0 then
  return redis.error_reply('LEASE of this worker has ended')
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', ARGV[1], ARGV[3])
redis.call('ZADD', ARGV[1], now + ARGV[4], ARGV[3])
local following = redis.call('ZRANGEBYSCORE', ARGV[1], now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return { redis.call('ZCOUNT', ARGV[1], '-inf', now - 1), following[2] - now, now }
