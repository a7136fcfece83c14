-- Makes a worker's messages look freshly fetched, for Celery peers: they take for abandoned what is
-- older than the visibility timeout (PROTOCOL 8.4).
--
-- ARGV[1]  index: sorted set, tag -> epoch
-- ARGV[2]  what the tags of this worker begin with
-- ARGV[3]  seconds: what is older is refreshed
-- ARGV[4]  how many old entries to pass over (they are other workers')
-- ARGV[5]  how many to look at
--
-- Returns how many of those looked at are other workers', or -1 when no more are left.
-- The ZREM frees nothing: after it Redis lets ZADD pass when it is out of memory.

local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local count = tonumber(ARGV[5])
local tags = redis.call('ZRANGEBYSCORE', ARGV[1], '-inf', now - ARGV[3], 'LIMIT', ARGV[4], count)
local others = 0
redis.call('ZREM', ARGV[1], '')
for _, tag in ipairs(tags) do
  if string.sub(tag, 1, #ARGV[2]) == ARGV[2] then
    redis.call('ZADD', ARGV[1], 'XX', string.format('%.6f', now), tag)
  else
    others = others + 1
  end
end
return #tags == count and others or -1
