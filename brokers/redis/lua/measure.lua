-- Tells how much waits. Changes nothing.
--
-- KEYS     queue lists
-- ARGV[1]  held: sorted set, tag -> epoch at which it is due
--
-- Returns the lengths of the lists, and how many are held. What is no list holds no messages; that it is
-- none, a take tells.

local lengths = {}
for i, list in ipairs(KEYS) do
  local length = redis.pcall('LLEN', list)
  lengths[i] = type(length) == 'number' and length or 0
end
return { lengths, redis.call('ZCARD', ARGV[1]) }
