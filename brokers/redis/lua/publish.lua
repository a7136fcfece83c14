-- Puts messages into queues, once: a call that has been carried out, and whose answer was lost, does nothing.
--
-- ARGV[1]  what the sender has published last: string, the name of a call
-- ARGV[2]  name of this call        ARGV[3]  seconds that this is remembered
-- ARGV[4…] for each list: RPUSH (head) or LPUSH (tail), list, how many messages, the messages
--
-- Out of memory the first push raises, and nothing has been done.

if redis.call('GET', ARGV[1]) == ARGV[2] then
  return 0
end
local at = 4
while at <= #ARGV do
  local last = at + 2 + tonumber(ARGV[at + 2])
  redis.call(ARGV[at], ARGV[at + 1], unpack(ARGV, at + 3, last))
  at = last + 1
end
redis.call('SET', ARGV[1], ARGV[2], 'EX', ARGV[3])
return 1
