-- Shows messages that are held until they are due. Changes nothing.
--
-- ARGV[1]  held: sorted set, tag -> epoch at which it is due
-- ARGV[2]  unacked: hash, tag -> [message, exchange, routing_key]
-- ARGV[3]  how many at most    ARGV[4]  bytes of messages after which no more are shown
--
-- Returns (due, stored value, …), the earliest first.

local found, size = {}, 0
local held = redis.call('ZRANGE', ARGV[1], 0, ARGV[3] - 1, 'WITHSCORES')
for i = 1, #held, 2 do
  local value = redis.call('HGET', ARGV[2], held[i])
  if value then
    found[#found + 1] = held[i + 1]
    found[#found + 1] = value
    size = size + #value
  end
  if size >= tonumber(ARGV[4]) then
    break
  end
end
return found
