-- Moves messages from unacked storage to the head of their queues, each only if it is still there
-- (PROTOCOL 8.3).
--
-- ARGV[1]  workers: sorted set, incarnation -> end of its lease, epoch in ms
-- ARGV[2]  the incarnation that the messages were with; empty: ask for nobody's lease
-- ARGV[3]  unacked          ARGV[4]  its index
-- ARGV[5…] tag, list, message, for each; the last one is the next to be popped. The same tag again, at once: a
--           copy for another queue
--
-- Returns how many were moved, or -1 if the lease has been taken up again.
-- A message whose list is of another type stays where it is.

if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  local ends = redis.call('ZSCORE', ARGV[1], ARGV[2])
  if ends and tonumber(ends) > time[1] * 1000 + time[2] / 1000 then
    return -1
  end
end
local moved, last = 0, nil
for i = 5, #ARGV, 3 do
  local tag, list, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local kind = redis.call('TYPE', list).ok
  if kind == 'list' or kind == 'none' then
    if tag ~= last and redis.call('HDEL', ARGV[3], tag) == 1 then
      redis.call('ZREM', ARGV[4], tag)
      moved, last = moved + 1, tag
    end
    if tag == last then
      redis.call('RPUSH', list, message)
    end
  end
end
return moved
