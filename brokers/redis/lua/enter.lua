-- Begins or takes up a worker's lease, on every new connection.
--
-- ARGV[1]   workers: sorted set, incarnation -> end of its lease, epoch in ms
-- ARGV[2]   the worker's record, a hash
-- ARGV[3]   its incarnation
-- ARGV[4]   lease, ms
-- ARGV[5]   number of its last request that has changed something and was answered
-- ARGV[6…]  field, value, for each thing to tell of the worker
--
-- Raises EVICTED and the number of its last request that was carried out, if others have begun to
-- recover its messages: it must go on under another incarnation. A record that is not there at all
-- has been lost by the server, with the messages, or is the first: nobody else has them.
-- A record that is behind that answer has been lost in part, as all that was written then: by a
-- restart, or by a failover to a replica that had not got it. The field `lost` tells so.
-- The ZREM comes first so that the rest passes when Redis is out of memory.

local buried = redis.call('HGET', ARGV[2], 'buried')
if buried then
  return redis.error_reply('EVICTED ' .. buried)
end
local time = redis.call('TIME')
redis.call('ZREM', ARGV[1], ARGV[3])
redis.call('ZADD', ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4], ARGV[3])
redis.call('HSET', ARGV[2], unpack(ARGV, 6))
if redis.call('HSETNX', ARGV[2], 'step', ARGV[5]) == 0
  and tonumber(redis.call('HGET', ARGV[2], 'step')) < tonumber(ARGV[5]) then
  redis.call('HSET', ARGV[2], 'step', ARGV[5], 'lost', 1)
end
