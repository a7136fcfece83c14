-- Notes when messages are due that stay in unacked storage until then.
--
-- ARGV[1,2] see step.lua
-- ARGV[3]   held: sorted set, tag -> epoch at which it is due
-- ARGV[4…]  due, tag, for each
-- The ZREM frees nothing: after it Redis lets ZADD pass when it is out of memory.

if not done then
  redis.call('ZREM', ARGV[3], ARGV[5])
  redis.call('ZADD', ARGV[3], unpack(ARGV, 4))
  redis.call('HSET', record, 'step', step)
end
return 1
