-- Makes messages that are held due now, in the order that they have.
--
-- ARGV[1]  held: sorted set, tag -> epoch at which it is due
-- ARGV[2]  epoch from which on to look; what has been roused is far below, at a billionth of its own
-- ARGV[3]  how many at most
--
-- Returns from when on to go on; empty when there are no more.
-- The ZREM frees nothing: after it Redis lets the ZADD pass when it is out of memory.

local most = tonumber(ARGV[3])
local page = redis.call('ZRANGEBYSCORE', ARGV[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, most)
if #page == 0 then
  return ''
end
local roused = {}
for i = 1, #page, 2 do
  roused[i], roused[i + 1] = page[i + 1] * 1e-9, page[i]
end
redis.call('ZREM', ARGV[1], '')
redis.call('ZADD', ARGV[1], unpack(roused))
return #page == 2 * most and page[#page] or ''
