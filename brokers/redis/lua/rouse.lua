-- Makes all that is held due now, in the order that it has.
--
-- ARGV[1,2] see step.lua
-- ARGV[3]   held: sorted set, tag -> epoch at which it is due
-- A billionth of any epoch is in the past. The ZREM frees nothing: after it Redis lets the rest pass when
-- it is out of memory.

if not done then
  redis.call('ZREM', ARGV[3], '')
  redis.call('ZUNIONSTORE', ARGV[3], 1, ARGV[3], 'WEIGHTS', '1e-9')
  redis.call('HSET', record, 'step', step)
end
return 1
