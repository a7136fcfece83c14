-- Puts the message of a dead letter back into its queue, if the letter is still there.
--
-- ARGV[1]  list of dead letters          ARGV[2]  the entry
-- ARGV[3]  list of the queue             ARGV[4]  the message
--
-- Returns 1, or 0 if the entry is not there.
-- The LREM comes before the LPUSH so that this passes when Redis is out of memory.

local kind = redis.call('TYPE', ARGV[3]).ok
if kind ~= 'list' and kind ~= 'none' then
  return redis.error_reply('WRONGTYPE ' .. ARGV[3] .. ' is no queue but a ' .. kind)
end
if redis.call('LREM', ARGV[1], -1, ARGV[2]) == 0 then
  return 0
end
redis.call('LPUSH', ARGV[3], ARGV[4])
return 1
