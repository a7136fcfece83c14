-- Begins or takes up a worker's lease, on every new connection.
--
-- ARGV[1]   workers: sorted set, incarnation -> end of its lease, epoch in ms
-- ARGV[2]   the worker's record, a hash
-- ARGV[3]   its incarnation
-- ARGV[4]   lease, ms
-- ARGV[5]   number of its last request that has changed something and was answered
-- ARGV[6]   unacked          ARGV[7]  how many tags follow, of messages in our care
-- ARGV[8…]  these; then field, value, for each thing to tell of the worker
--
-- Raises EVICTED and the number of its last request that was carried out, if others have begun to
-- recover its messages: it must go on under another incarnation. The same if its lease is over and a
-- message is gone that is in its care: by then Celery's workers may have them, who know no lease. What they
-- have not taken is recovered as if it were dead.
-- A record that is not there at all has been lost by the server, with the messages, or is the first: nobody
-- else has them. A record that is behind that answer has been lost in part, as all that was written then: by a
-- restart, or by a failover to a replica that had not got it. The field `lost` tells so.
-- The ZREM comes first so that the rest passes when Redis is out of memory.

local workers, record, incarnation, answered = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5])
local REMEMBERED = 86400000 -- ms; as in brokers/redis/recovery.py

local buried = redis.call('HGET', record, 'buried')
if buried then
  return redis.error_reply('EVICTED ' .. buried)
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local step = redis.call('HGET', record, 'step')
local ends = redis.call('ZSCORE', workers, incarnation)
local fields = 8 + ARGV[7]

local function is_missed()
  local intact = step and tonumber(step) >= answered and redis.call('HEXISTS', record, 'lost') == 0
  if intact and not (ends and tonumber(ends) > now) then
    for i = 8, fields - 1 do
      if redis.call('HEXISTS', ARGV[6], ARGV[i]) == 0 then
        return true
      end
    end
  end
end

redis.call('ZREM', workers, incarnation)
if is_missed() then
  redis.call('ZADD', workers, 0, incarnation)
  redis.call('DEL', record)
  redis.call('HSET', record, 'buried', step)
  redis.call('PEXPIRE', record, REMEMBERED)
  return redis.error_reply('EVICTED ' .. step)
end
redis.call('ZADD', workers, now + ARGV[4], incarnation)
redis.call('HSET', record, unpack(ARGV, fields))
if redis.call('HSETNX', record, 'step', answered) == 0 and tonumber(step) < answered then
  redis.call('HSET', record, 'step', answered, 'lost', 1)
end
